//! The command line's syntax. What an option means, and where its value comes from when it is not given, is decided in
//! `settings`; here nothing has a default and nothing is read.

mod groups;
mod invoke;
mod spelling;
mod start_lambda;
mod usage;

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use groups::{
    AwsArgs, CommonArgs, ConfigArgs, ContainerArgs, DebugArgs, Given, LogArgs, ResultArgs,
    TemplateArgs, UnsupportedArgs,
};
pub use invoke::InvokeArgs;
use spelling::spelled;
pub use start_lambda::StartLambdaArgs;

use crate::lambda::choose;

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
    /// Print the script that completes command lines in a shell: options, and the functions of a template
    Completions(CompletionsArgs),
    /// Write a manual page for every command into a directory
    ManPages(ManPagesArgs),
}

/// `sam-rs completions`.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// bash, zsh, fish or powershell
    pub shell: CompletionShell,
}

/// A shell that command lines can be completed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they name themselves")]
pub enum CompletionShell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

impl CompletionShell {
    const CHOICES: [(&str, Self); 4] = [
        ("bash", Self::Bash),
        ("zsh", Self::Zsh),
        ("fish", Self::Fish),
        ("powershell", Self::Powershell),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = Self::CHOICES.iter().find(|(_, shell)| *shell == self);
        found.map_or("", |(name, _)| name)
    }
}

impl FromStr for CompletionShell {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        choose(text, &Self::CHOICES)
    }
}

/// `sam-rs man-pages`.
#[derive(Args, Debug)]
pub struct ManPagesArgs {
    /// Where they are written to; it is made where it is not there
    pub directory: PathBuf,
}

/// The syntax of every command.
#[must_use]
pub fn command() -> clap::Command {
    App::command()
}

/// A command line that nothing is to be run for.
#[derive(Debug)]
pub enum Unread {
    /// It asks for help, or for the version.
    Help(clap::Error),
    /// It is wrong; the mistake, for people.
    Mistake(String),
}

/// Reads the command line.
///
/// # Errors
/// It is none, or asks for help.
pub fn parse(arguments: &[OsString]) -> Result<App, Unread> {
    read(arguments).map_err(
        |error| match usage::mistake(&error, &App::command(), arguments) {
            Some(mistake) => Unread::Mistake(mistake),
            None => Unread::Help(error),
        },
    )
}

/// How the command is used that the arguments are for, ahead of what was done wrong.
#[must_use]
pub fn usage(arguments: &[OsString]) -> String {
    usage::of(App::command(), arguments)
}

fn read(arguments: &[OsString]) -> Result<App, clap::Error> {
    let matches = App::command().try_get_matches_from(spelled(arguments.to_vec()))?;
    let mut app = App::from_arg_matches(&matches)?;
    // Describing the options once more is not for every start.
    let called = matches
        .subcommand()
        .and_then(|(_, local)| local.subcommand());
    if let (Command::Local(local), Some((_, matches))) = (&mut app.command, called) {
        match local {
            Local::Invoke(args) if args.common.config.save_params => {
                args.common.given = given::<InvokeArgs>(matches);
            }
            Local::StartLambda(args) if args.common.config.save_params => {
                args.common.given = given::<StartLambdaArgs>(matches);
            }
            _ => {}
        }
    }
    Ok(app)
}

/// What the command line says, in the order of its options.
fn given<A: Args>(matches: &ArgMatches) -> Vec<Given> {
    let command = A::augment_args(clap::Command::new("given"));
    let of = |argument: &clap::Arg| {
        let id = argument.get_id().as_str();
        let given = matches.value_source(id) == Some(ValueSource::CommandLine);
        let own = matches!(id, "save_params" | "config_file" | "config_env");
        let takes_values = argument.get_action().takes_values();
        let values = matches.get_raw(id).filter(|_| takes_values);
        let values = values.into_iter().flatten();
        let list = matches!(argument.get_action(), ArgAction::Append)
            || argument
                .get_num_args()
                .is_some_and(|number| number.max_values() > 1);
        (given && !own).then(|| Given {
            key: match id {
                "template" => "template_file".to_owned(),
                "function" => "function_logical_id".to_owned(),
                "functions" => "function_logical_ids".to_owned(),
                id => id.to_owned(),
            },
            values: values
                .map(|value| value.to_string_lossy().into_owned())
                .collect(),
            list,
        })
    };
    command.get_arguments().filter_map(of).collect()
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
    /// Serve Lambda's API for invoking functions, for AWS's command line and libraries
    #[command(args_override_self = true)]
    StartLambda(Box<StartLambdaArgs>),
}
