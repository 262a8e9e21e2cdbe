//! The command line's syntax. What an option means, and where its value comes from when it is not given, is decided in
//! `settings`; here nothing has a default and nothing is read.

mod groups;
mod invoke;
mod spelling;
mod usage;

use clap::{Parser, Subcommand};

pub use groups::{
    AwsArgs, ConfigArgs, ContainerArgs, DebugArgs, OutputArgs, TemplateArgs, UnsupportedArgs,
};
pub use invoke::InvokeArgs;
pub use spelling::spelled;
pub use usage::mistake;

/// Runs AWS Lambda functions on this machine, in containers.
#[derive(Debug, Parser)]
#[command(
    name = "sam-rs",
    version,
    args_override_self = true,
    arg_required_else_help = true
)]
pub struct App {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run functions on this machine
    #[command(subcommand, arg_required_else_help = true)]
    Local(Local),
}

/// The keys that a configuration file may have for a command: its options' long names, and its arguments.
#[must_use]
pub fn keys<A: clap::Args>() -> Vec<String> {
    let command = A::augment_args(clap::Command::new("keys"));
    let names = command.get_arguments().flat_map(|argument| {
        let long = argument.get_long_and_visible_aliases().unwrap_or_default();
        let positional = argument.is_positional().then(|| {
            let names = argument.get_value_names().unwrap_or_default();
            names
                .iter()
                .map(|name| name.to_lowercase())
                .collect::<Vec<_>>()
        });
        let long = long.into_iter().map(|name| name.replace('-', "_"));
        long.chain(positional.unwrap_or_default())
            .collect::<Vec<_>>()
    });
    names.collect()
}

/// What to do on this machine.
#[derive(Debug, Subcommand)]
pub enum Local {
    /// Run a function once, and print its result
    #[command(args_override_self = true)]
    Invoke(Box<InvokeArgs>),
}
