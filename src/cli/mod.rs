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

/// What to do on this machine.
#[derive(Debug, Subcommand)]
pub enum Local {
    /// Run a function once, and print its result
    #[command(args_override_self = true)]
    Invoke(Box<InvokeArgs>),
}
