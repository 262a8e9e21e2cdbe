//! Names of functions as the service's API takes them: plain, with a qualifier, as part of an ARN or a whole one.

/// What the service checks a name with, as it prints it.
const PATTERN: &str =
    r"^(arn:[^:]+:lambda:[^:]*:\d{12}:function:|\d{12}:function:)?[a-zA-Z0-9-_\.\[\]]+(:[\w$-]+)?$";

/// A name, and the version or alias that it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// The function's name, with the stacks above it.
    pub name: String,
    /// The version or alias.
    pub qualifier: Option<String>,
}

impl Identifier {
    /// Takes a name apart.
    ///
    /// # Errors
    /// It is no name of a function; in the service's words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (stacks, last) = match text.rfind('/') {
            Some(at) if !text.starts_with("arn:") => text.split_at(at + 1),
            _ => ("", text),
        };
        let invalid = || {
            format!(
                "1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: {PATTERN}"
            )
        };
        let (name, qualifier) = split(last).ok_or_else(invalid)?;
        Ok(Self {
            name: format!("{stacks}{name}"),
            qualifier: qualifier.map(str::to_owned),
        })
    }
}

/// The name and the qualifier; none for what cannot be one.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    if text.starts_with("arn:") {
        let fields: Vec<_> = text.splitn(7, ':').collect();
        return match fields.as_slice() {
            [_, _, "lambda", _, _, "function", rest] if !rest.is_empty() => Some(qualified(rest)),
            // Of something else, or none at all.
            _ => None,
        };
    }
    if let Some((_, rest)) = text
        .split_once(":function:")
        .or_else(|| text.strip_prefix("function:").map(|rest| ("", rest)))
    {
        return (!rest.is_empty()).then(|| qualified(rest));
    }
    let (name, qualifier) = qualified(text);
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.[]".contains(letter);
    match qualifier {
        // Neither a name nor an ARN; it is looked up as it is, and not found.
        Some(qualifier) if qualifier.contains(':') => Some((text, None)),
        _ => (!name.is_empty() && name.chars().all(plain)).then_some((name, qualifier)),
    }
}

fn qualified(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((name, qualifier)) if !qualifier.is_empty() => (name, Some(qualifier)),
        Some((name, _)) => (name, None),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<(String, Option<String>)> {
        let identifier = Identifier::parse(text).ok()?;
        Some((identifier.name, identifier.qualifier))
    }

    #[test]
    fn every_form_that_the_service_takes_is_understood() {
        let name = |text: &str| Some((text.to_owned(), None));
        let with =
            |text: &str, qualifier: &str| Some((text.to_owned(), Some(qualifier.to_owned())));
        assert_eq!(parse("Ratings"), name("Ratings"));
        assert_eq!(parse("Ratings:live"), with("Ratings", "live"));
        assert_eq!(parse("Ratings:$LATEST"), with("Ratings", "$LATEST"));
        assert_eq!(parse("Child/Ratings"), name("Child/Ratings"));
        assert_eq!(parse("Child/Ratings:3"), with("Child/Ratings", "3"));
        assert_eq!(
            parse("arn:aws:lambda:eu-west-1:123456789012:function:Ratings"),
            name("Ratings")
        );
        assert_eq!(
            parse("arn:aws:lambda:eu-west-1:123456789012:function:Ratings:live"),
            with("Ratings", "live")
        );
        assert_eq!(parse("123456789012:function:Ratings"), name("Ratings"));
        for wrong in [
            "arn:aws:s3:::bucket",
            "arn:aws:lambda:eu-west-1:123456789012:layer:L:1",
            "a b",
            "",
            "123456789012:function:",
            "Child/",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        let text = Identifier::parse("a b").unwrap_err();
        assert!(
            text.starts_with("1 validation error detected: Value 'a b' at 'functionName'"),
            "{text}"
        );
    }
}
