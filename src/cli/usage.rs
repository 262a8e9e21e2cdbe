//! Mistakes on the command line, in the words and the form that SAM CLI's users know.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};

use super::spelling::SHORT;
use crate::near;

/// The mistake, without usage and advice; none for what is no mistake, such as a request for help.
#[must_use]
pub(super) fn mistake(error: &Error, command: &Command, arguments: &[OsString]) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    // An option comes with the name of its value: `--pull <WHEN>`.
    let argument = text(ContextKind::InvalidArg).unwrap_or_default();
    let option = argument.split_whitespace().next().unwrap_or_default();
    let called = called(command, arguments);
    Some(match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return None,
        ErrorKind::UnknownArgument if argument.starts_with('-') => {
            format!("No such option: {argument}{}", offers(called, &argument))
        }
        ErrorKind::UnknownArgument => format!("Got unexpected extra argument ({argument})"),
        // Both an option at the end of the line and an empty value come as this.
        ErrorKind::InvalidValue
            if text(ContextKind::InvalidValue).is_none_or(|value| value.is_empty()) =>
        {
            let typed = typed(called, option, arguments);
            format!("Option '{typed}' requires an argument.")
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let reason = std::error::Error::source(error)
                .map(ToString::to_string)
                .unwrap_or_default();
            format!("Invalid value for '{option}': {reason}")
        }
        ErrorKind::TooManyValues => format!("Option '{option}' does not take a value."),
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand).unwrap_or_default();
            let known = called.get_subcommands().map(Command::get_name);
            let near = near::name(&word, known);
            let near = near.map_or_else(String::new, |near| format!(" Did you mean {near}?"));
            format!("No such command '{word}'.{near}")
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = argument.trim_matches(['<', '>']);
            format!("Missing argument '{missing}'.")
        }
        _ => {
            let whole = error.render().to_string();
            let first = whole.lines().next().unwrap_or_default();
            first.strip_prefix("error: ").unwrap_or(first).to_owned()
        }
    })
}

/// The command that the arguments are for: the innermost that they name.
fn called<'a>(command: &'a Command, arguments: &[OsString]) -> &'a Command {
    let words = arguments.iter().skip(1).map_while(|word| word.to_str());
    words
        .map_while(|word| Some(word).filter(|word| !word.starts_with('-')))
        .try_fold(command, |command, word| {
            command.find_subcommand(word).ok_or(command)
        })
        .unwrap_or_else(|innermost| innermost)
}

/// How a command is used, in the form that goes ahead of a mistake.
pub(super) fn of(mut command: Command, arguments: &[OsString]) -> String {
    command.build();
    let called = called(&command, arguments);
    let mut called = called.clone();
    let usage = called.render_usage().to_string();
    let name = called.get_bin_name().unwrap_or_else(|| called.get_name());
    format!("\n{}\nTry '{name} -h' for help.\n\n", usage.trim_end())
}

/// Options that may have been meant.
fn offers(command: &Command, word: &str) -> String {
    let long = command.get_arguments().flat_map(longs);
    let long: Vec<_> = long.map(|name| format!("--{name}")).collect();
    let mut near = near::names(word, long.iter().map(String::as_str));
    // Options are abbreviated elsewhere.
    let begins = |name: &&String| word.len() > 3 && name.starts_with(word);
    near.extend(long.iter().filter(begins).map(String::as_str));
    near.sort_unstable();
    near.dedup();
    match near.as_slice() {
        [] => String::new(),
        [one] => format!(" Did you mean {one}?"),
        several => format!(" (Possible options: {})", several.join(", ")),
    }
}

fn longs(argument: &Arg) -> Vec<&str> {
    argument.get_long_and_visible_aliases().unwrap_or_default()
}

/// An option as it was typed: by its short name or by another.
fn typed(command: &Command, option: &str, arguments: &[OsString]) -> String {
    let is_it = |argument: &&Arg| {
        longs(argument)
            .iter()
            .any(|name| option == format!("--{name}"))
    };
    let mut names = vec![option.to_owned()];
    if let Some(argument) = command.get_arguments().find(is_it) {
        names.extend(longs(argument).iter().map(|name| format!("--{name}")));
        names.extend(argument.get_short().map(|letter| format!("-{letter}")));
    }
    if option == SHORT.1 {
        names.push(SHORT.0.to_owned());
    }
    let words = arguments.iter().rev().filter_map(|word| word.to_str());
    let mut words = words.map(|word| word.split_once('=').map_or(word, |(name, _)| name));
    let found = words.find(|word| names.iter().any(|name| name == word));
    found.map_or_else(|| option.to_owned(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::App;

    fn of(arguments: &str) -> Option<String> {
        let arguments = ["sam-rs", "local", "invoke"]
            .into_iter()
            .chain(arguments.split_whitespace());
        let arguments: Vec<_> = arguments.map(OsString::from).collect();
        let error = App::command().try_get_matches_from(&arguments);
        mistake(&error.unwrap_err(), &App::command(), &arguments)
    }

    #[test]
    fn mistakes_are_told_in_known_words() {
        let text = |arguments| of(arguments).unwrap();
        assert_eq!(text("--bogus"), "No such option: --bogus");
        assert_eq!(
            text("--regio x"),
            "No such option: --regio Did you mean --region?"
        );
        assert_eq!(
            text("--evnt x"),
            "No such option: --evnt (Possible options: --env, --event)"
        );
        assert_eq!(text("A B"), "Got unexpected extra argument (B)");
        assert_eq!(text("--region"), "Option '--region' requires an argument.");
        assert_eq!(text("--region x -e"), "Option '-e' requires an argument.");
        let values = "'often' is not one of 'missing', 'always', 'never'.";
        assert_eq!(
            text("--pull often"),
            format!("Invalid value for '--pull': {values}")
        );
        assert_eq!(of("--help"), None);
    }
}
