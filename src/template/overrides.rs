//! The override grammar of `--parameter-overrides`: `Name=value`, or `ParameterKey=Name,ParameterValue=value`.

use std::collections::BTreeMap;

/// Values of parameters by name.
pub type Overrides = BTreeMap<String, String>;

/// Overrides, and what was passed over on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParsedOverrides {
    /// The values; a later one has replaced an earlier one.
    pub values: Overrides,
    /// Parts of tokens that are no overrides.
    pub ignored: Vec<String>,
}

/// Reads tokens as they come from the command line. The error is the token that holds no override.
///
/// # Errors
/// A token without any override in it.
pub fn parse<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Result<ParsedOverrides, String> {
    let mut parsed = ParsedOverrides::default();
    for token in joined(tokens)
        .iter()
        .map(String::as_str)
        .filter(|token| !token.trim().is_empty())
    {
        let found = if token.contains("ParameterKey=") {
            keyed(token)
        } else {
            (Vec::new(), Vec::new())
        };
        let (pairs, ignored) = if found.0.is_empty() {
            plain(token)
        } else {
            found
        };
        if pairs.is_empty() {
            return Err(token.to_owned());
        }
        parsed.values.extend(pairs);
        parsed.ignored.extend(ignored);
    }
    Ok(parsed)
}

/// Puts `ParameterKey=K,` and `ParameterValue=V` together again where the shell has taken them apart at a blank.
fn joined<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for token in tokens {
        match joined.last_mut() {
            Some(last)
                if last.trim_end().ends_with(',') && token.starts_with("ParameterValue=") =>
            {
                last.push_str(token);
            }
            _ => joined.push(token.to_owned()),
        }
    }
    joined
}

type Found = (Vec<(String, String)>, Vec<String>);

/// `ParameterKey=K,ParameterValue=V`, with blanks around the comma as AWS's documentation writes it.
fn keyed(token: &str) -> Found {
    let (mut pairs, mut ignored) = (Vec::new(), Vec::new());
    let mut rest = token;
    while let Some(at) = rest.find("ParameterKey=") {
        ignored.extend(words(&rest[..at]));
        let after = &rest[at + "ParameterKey=".len()..];
        let (key, tail) = take(after, is_key);
        let tail = tail.trim_start();
        let value = tail
            .strip_prefix(',')
            .and_then(|tail| tail.trim_start().strip_prefix("ParameterValue="));
        match value.map(value_of) {
            Some((Some(value), tail)) if !unquote(key).is_empty() => {
                pairs.push((unquote(key), value));
                rest = tail;
            }
            _ => {
                ignored.push(format!("ParameterKey={key}"));
                rest = tail;
            }
        }
    }
    ignored.extend(words(rest));
    (pairs, ignored)
}

/// `K=V`, separated by blanks.
fn plain(token: &str) -> Found {
    let (mut pairs, mut ignored) = (Vec::new(), Vec::new());
    let mut rest = token.trim_start();
    while !rest.is_empty() {
        let (key, tail) = take(rest, is_key);
        match tail.strip_prefix('=').map(value_of) {
            Some((Some(value), tail)) if !unquote(key).is_empty() => {
                pairs.push((unquote(key), value));
                rest = tail.trim_start();
            }
            _ => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                ignored.push(rest[..end].to_owned());
                rest = rest[end..].trim_start();
            }
        }
    }
    (pairs, ignored)
}

/// Names are letters and digits, with colons in those of pseudo parameters; quotes around one are tolerated.
fn is_key(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, ':' | '"' | '\'')
}

fn take(text: &str, allowed: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|letter| !allowed(letter)).unwrap_or(text.len()))
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split_whitespace().map(str::to_owned)
}

fn unquote(text: &str) -> String {
    text.trim_matches(['"', '\'']).to_owned()
}

/// A quoted string, or text up to a blank in which a backslash keeps the next character.
fn value_of(text: &str) -> (Option<String>, &str) {
    let quote = text
        .chars()
        .next()
        .filter(|first| matches!(first, '"' | '\''));
    let body = if quote.is_some() { &text[1..] } else { text };
    let mut value = String::new();
    let mut letters = body.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some((_, next)) if matches!(next, ' ' | '"' | '\'') => value.push(next),
                Some((_, next)) => value.extend(['\\', next]),
                None => value.push('\\'),
            },
            letter if Some(letter) == quote => return (Some(value), &body[at + 1..]),
            letter if quote.is_none() && (letter.is_whitespace() || letter == '"') => {
                return ((!value.is_empty()).then_some(value), &body[at..]);
            }
            letter => value.push(letter),
        }
    }
    // An open quote, or nothing after the equals sign, is no value.
    ((quote.is_none() && !value.is_empty()).then_some(value), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(tokens: &[&str]) -> Vec<(String, String)> {
        parse(tokens.iter().copied())
            .unwrap()
            .values
            .into_iter()
            .collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn both_encodings_and_every_quoting_are_read() {
        let expected = [pair("A", "1"), pair("B", "2")];
        for tokens in [
            &["A=1 B=2"][..],
            &["A=1", "B=2"],
            &["ParameterKey=A,ParameterValue=1 ParameterKey=B,ParameterValue=2"],
            &[
                "ParameterKey=A , ParameterValue=1",
                "ParameterKey=B, ParameterValue=2",
            ],
            &["A=0", "A=1", "B='2'"],
            &["ParameterKey=A,", "ParameterValue=1", "B=2"],
        ] {
            assert_eq!(pairs(tokens), expected, "{tokens:?}");
        }
        for token in [r#"A="x y""#, "A='x y'", r"A=x\ y"] {
            assert_eq!(pairs(&[token]), [pair("A", "x y")], "{token}");
        }
        assert_eq!(pairs(&["A=a,b,c"]), [pair("A", "a,b,c")]);
        assert_eq!(pairs(&["A=https://x?y=1"]), [pair("A", "https://x?y=1")]);
        assert_eq!(pairs(&[r#"A="""#]), [pair("A", "")]);
        assert_eq!(pairs(&["A==b"]), [pair("A", "=b")]);
        assert_eq!(
            pairs(&["AWS::StackName=shop"]),
            [pair("AWS::StackName", "shop")]
        );
        assert_eq!(
            pairs(&["ParameterKey=A,ParameterValue=\"x y\""]),
            [pair("A", "x y")]
        );
    }

    #[test]
    fn what_is_no_override_is_named() {
        assert_eq!(parse(["A=1 junk B=2"]).unwrap().ignored, ["junk"]);
        assert_eq!(parse(["junk"]), Err("junk".to_owned()));
        assert_eq!(parse(["''=x"]), Err("''=x".to_owned()));
        assert_eq!(parse(["A="]), Err("A=".to_owned()));
        assert_eq!(parse(["", " "]).unwrap(), ParsedOverrides::default());
        assert_eq!(
            parse(["ParameterKey=A,ParameterValue=1 x"])
                .unwrap()
                .ignored,
            ["x"]
        );
    }
}
