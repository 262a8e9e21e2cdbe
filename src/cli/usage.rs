//! Mistakes on the command line, in the words and the form that SAM CLI's users know.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The mistake, without usage and advice; none for what is no mistake, such as a request for help.
#[must_use]
pub fn mistake(error: &Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    // An option comes with the name of its value: `--pull <WHEN>`.
    let argument = text(ContextKind::InvalidArg).unwrap_or_default();
    let option = argument.split_whitespace().next().unwrap_or_default();
    Some(match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return None,
        ErrorKind::UnknownArgument if argument.starts_with('-') => {
            let suggestion = text(ContextKind::SuggestedArg);
            let suggestion = suggestion
                .map(|known| format!(" Did you mean {known}?"))
                .unwrap_or_default();
            format!("No such option: {argument}{suggestion}")
        }
        ErrorKind::UnknownArgument => format!("Got unexpected extra argument ({argument})"),
        // Both an option at the end of the line and an empty value come as this.
        ErrorKind::InvalidValue
            if text(ContextKind::InvalidValue).is_none_or(|value| value.is_empty()) =>
        {
            format!("Option '{option}' requires an argument.")
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let reason = std::error::Error::source(error)
                .map(ToString::to_string)
                .unwrap_or_default();
            format!("Invalid value for '{option}': {reason}")
        }
        ErrorKind::TooManyValues => format!("Option '{option}' does not take a value."),
        ErrorKind::InvalidSubcommand => {
            format!(
                "No such command '{}'.",
                text(ContextKind::InvalidSubcommand).unwrap_or_default()
            )
        }
        _ => {
            let whole = error.render().to_string();
            let first = whole.lines().next().unwrap_or_default();
            first.strip_prefix("error: ").unwrap_or(first).to_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::App;

    fn of(arguments: &str) -> Option<String> {
        let arguments = ["sam-rs", "local", "invoke"]
            .into_iter()
            .chain(arguments.split_whitespace());
        mistake(&App::try_parse_from(arguments).unwrap_err())
    }

    #[test]
    fn mistakes_are_told_in_known_words() {
        let text = |arguments| of(arguments).unwrap();
        assert_eq!(text("--bogus"), "No such option: --bogus");
        assert_eq!(
            text("--regio x"),
            "No such option: --regio Did you mean --region?"
        );
        assert_eq!(text("A B"), "Got unexpected extra argument (B)");
        assert_eq!(text("--region"), "Option '--region' requires an argument.");
        let values = "'often' is not one of 'missing', 'always', 'never'.";
        assert_eq!(
            text("--pull often"),
            format!("Invalid value for '--pull': {values}")
        );
        assert_eq!(of("--help"), None);
    }
}
