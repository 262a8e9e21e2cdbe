//! Spellings of SAM CLI that the parser does not know.

use std::ffi::OsString;

/// A short option of two letters, and what it is short for.
pub(super) const SHORT: (&str, &str) = ("-ii", "--invoke-image");
/// An option that takes everything up to the next one, also after an equals sign.
const GREEDY: &str = "--parameter-overrides";

/// The arguments in the parser's spelling.
#[must_use]
pub(super) fn spelled(arguments: Vec<OsString>) -> Vec<OsString> {
    let mut spelled = Vec::with_capacity(arguments.len());
    let mut arguments = arguments.into_iter();
    for argument in arguments.by_ref() {
        let text = argument.to_str().unwrap_or_default();
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        match value {
            _ if text == "--" => {
                spelled.push(argument);
                break;
            }
            None if name == SHORT.0 => spelled.push(SHORT.1.into()),
            Some(value) if name == SHORT.0 || name == GREEDY => {
                let name = if name == SHORT.0 { SHORT.1 } else { GREEDY };
                spelled.extend([name.into(), value.into()]);
            }
            _ => spelled.push(argument),
        }
    }
    spelled.extend(arguments);
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_spellings_are_understood() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let of = |text: &str| spelled(words(text));
        assert_eq!(
            of("a -ii b -ii=F=c"),
            words("a --invoke-image b --invoke-image F=c")
        );
        assert_eq!(
            of("--parameter-overrides=A=1 B=2"),
            words("--parameter-overrides A=1 B=2")
        );
        assert_eq!(of("-- -ii"), words("-- -ii"));
    }
}
