//! `sam-rs completions SHELL`, and the candidates that a shell's script asks for: options, and the names that only the
//! project knows.

use std::ffi::OsString;

use clap::Command;
use clap_complete::engine::ArgValueCompleter;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate, PathCompleter};
use clap_complete::env::{EnvCompleter, Shells};

use super::resolve;
use crate::aws::Profiles;
use crate::cli::{self, App, CompletionShell, Local, Unread};
use crate::engine::{PullPolicy, Transport};
use crate::env::{self, Env};
use crate::function::Runtime;
use crate::lambda::{LogFormat, Output};
use crate::settings::{Busy, Common, Invoke, StartLambda, Warm};

/// The program's name, as it is typed.
const PROGRAM: &str = "sam-rs";

/// The script that makes a shell ask this program.
#[must_use]
pub fn script(shell: CompletionShell) -> Vec<u8> {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    if let Some(shell) = shells.completer(shell.name()) {
        // Writing to memory cannot fail.
        let _ =
            shell.write_registration(env::SAM_RS_COMPLETE, PROGRAM, PROGRAM, PROGRAM, &mut script);
    }
    script
}

/// What a shell's script asks for: the candidates for a word of the command line, in the shell's form; none where no
/// shell asks.
#[must_use]
pub fn answer(arguments: &[OsString], env: &Env) -> Option<Vec<u8>> {
    let shell = env.get(env::SAM_RS_COMPLETE)?;
    let shells = Shells::builtins();
    let shell: &dyn EnvCompleter = shells.completer(shell)?;
    let after = arguments.iter().position(|word| word == "--");
    let words = arguments.get(after? + 1..)?.to_vec();
    let mut candidates = Vec::new();
    let mut command = command(&words, env);
    // What cannot be completed is no reason to disturb a prompt.
    let _ = shell.write_complete(&mut command, words, Some(&env.directory), &mut candidates);
    Some(candidates)
}

/// The command line's syntax, with candidates for the values that are known here.
fn command(words: &[OsString], env: &Env) -> Command {
    cli::command().mut_subcommand("local", |local| {
        local
            .mut_subcommand("invoke", |invoke| {
                common(invoke, env)
                    .mut_arg("function", |argument| argument.add(functions(words, env)))
                    .mut_arg("runtime", |argument| {
                        argument.add(ArgValueCandidates::new(|| named(Runtime::identifiers())))
                    })
                    .mut_arg("output", |argument| argument.add(words_of(Output::CHOICES)))
                    .mut_arg("event", |argument| {
                        argument.add(ArgValueCompleter::new(PathCompleter::file().stdio()))
                    })
            })
            .mut_subcommand("start-lambda", |serve| {
                common(serve, env)
                    .mut_arg("functions", |argument| argument.add(functions(words, env)))
                    .mut_arg("debug_function", |argument| {
                        argument.add(functions(words, env))
                    })
                    .mut_arg("warm_containers", |argument| {
                        argument.add(words_of(Warm::CHOICES))
                    })
                    .mut_arg("when_busy", |argument| {
                        argument.add(words_of(Busy::CHOICES))
                    })
            })
    })
}

/// What every command has.
fn common(command: Command, env: &Env) -> Command {
    let own = env.clone();
    let profiles = ArgValueCandidates::new(move || {
        let profiles = Profiles::read(&own);
        named(profiles.names().into_iter().map(str::to_owned))
    });
    command
        .mut_arg("profile", |argument| argument.add(profiles))
        .mut_arg("pull", |argument| {
            argument.add(words_of(PullPolicy::CHOICES))
        })
        .mut_arg("transport", |argument| {
            argument.add(words_of(Transport::CHOICES))
        })
        .mut_arg("log_format", |argument| {
            argument.add(words_of(LogFormat::CHOICES))
        })
}

/// The functions of the template, looked for when they are asked for.
fn functions(words: &[OsString], env: &Env) -> ArgValueCandidates {
    let (before, env) = (words.to_vec(), env.clone());
    ArgValueCandidates::new(move || named(function_names(&before, &env)))
}

fn words_of<T>(choices: &'static [(&'static str, T)]) -> ArgValueCandidates
where
    T: Sync,
{
    ArgValueCandidates::new(move || named(choices.iter().map(|(word, _)| (*word).to_owned())))
}

fn named(names: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// The functions of the template that the command line means, as far as it is written.
fn function_names(words: &[OsString], env: &Env) -> Vec<String> {
    let index = env.get("_CLAP_COMPLETE_INDEX");
    let at = index.and_then(|text| text.parse().ok());
    let at: usize = at.unwrap_or(words.len().saturating_sub(1));
    let before = &words[..at.min(words.len())];
    // The last word before may be an option that still waits for its value.
    let shorter = &before[..before.len().saturating_sub(1)];
    let settings = [before, shorter].into_iter().find_map(|words| {
        let app = cli::parse(words);
        let app = app.or_else(|_: Unread| cli::parse(&words[..3.min(words.len())]));
        common_settings(app.ok()?, env)
    });
    settings.map_or_else(Vec::new, |common| resolve::names(&common))
}

/// The settings that say which template is meant.
fn common_settings(app: App, env: &Env) -> Option<Common> {
    match app.command {
        cli::Command::Local(Local::Invoke(args)) => Some(Invoke::resolve(&args, env).ok()?.common),
        cli::Command::Local(Local::StartLambda(args)) => {
            Some(StartLambda::resolve(&args, env).ok()?.common)
        }
        _ => None,
    }
}
