//! Why a body is no JSON, in the words of the parser that the service has: people find them when they search for them.
//!
//! The rules that are followed are those of Jackson's parser of bytes, whose place of an error at the end of the body counts
//! the body twice: <https://github.com/FasterXML/jackson-core>.

use serde::de::IgnoredAny;

/// Deepest nesting, as in the service's parser.
const MAX_DEPTH: usize = 1000;
/// Bytes of the body that are shown.
const SHOWN: usize = 500;
const VALUE: &str =
    "expected a valid value (number, String, array, object, 'true', 'false' or 'null')";

/// What is wrong with a body; None where it is JSON.
pub(super) fn problem(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body);
    if text.is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok()) {
        return None;
    }
    let mut scanner = Scanner {
        body,
        at: 0,
        depth: 0,
    };
    // JSON that is deeper than the quick look goes is JSON all the same.
    let (text, at) = scanner.document().err()?;
    Some(format!("{text}\n at {}", place(body, at)))
}

/// A place in a body.
fn place(body: &[u8], at: usize) -> String {
    // A parser at the end of its input has counted all of it already.
    let ended = at > body.len();
    let at = at.min(body.len());
    let before = &body[..at];
    let line = before.split(|byte| *byte == b'\n').count();
    let begin = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1);
    let column = at - begin + 1 + if ended { body.len() } else { 0 };
    let shown = String::from_utf8_lossy(&body[..body.len().min(SHOWN)]);
    let more = match body.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("[truncated {more} bytes]"),
    };
    format!("[Source: (byte[])\"{shown}\"{more}; line: {line}, column: {column}]")
}

/// What is wrong, and where; past the end where the body ended too early.
type Wrong = (String, usize);

struct Scanner<'a> {
    body: &'a [u8],
    at: usize,
    depth: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    fn blank(&mut self) {
        while self
            .peek()
            .is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        {
            self.at += 1;
        }
    }

    fn document(&mut self) -> Result<(), Wrong> {
        self.blank();
        self.value()?;
        self.blank();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("expected the end of the document")),
        }
    }

    /// The byte here is not what may be here.
    fn unexpected(&mut self, wanted: &str) -> Wrong {
        let Some(byte) = self.peek() else {
            return self.ended("No content to map due to end-of-input");
        };
        if byte >= 0x80
            && let Some(wrong) = self.utf8()
        {
            return wrong;
        }
        self.at += 1;
        let shown = if byte < 0x20 {
            format!("(CTRL-CHAR, code {byte})")
        } else {
            let rest = String::from_utf8_lossy(&self.body[self.at - 1..]);
            let letter = rest.chars().next().unwrap_or_default();
            format!("'{letter}' (code {})", letter as u32)
        };
        (format!("Unexpected character ({shown}): {wanted}"), self.at)
    }

    fn ended(&self, text: &str) -> Wrong {
        (text.to_owned(), self.body.len() + 1)
    }

    /// What is wrong with the bytes here, where they are no UTF-8.
    fn utf8(&self) -> Option<Wrong> {
        let end = self.body.len().min(self.at + 4);
        let error = std::str::from_utf8(&self.body[self.at..end]).err()?;
        if error.valid_up_to() > 0 {
            return None;
        }
        let byte = self.body[self.at];
        let starts = matches!(byte, 0xc2..=0xf4);
        Some(if starts {
            let middle = self.body.get(self.at + 1);
            match middle {
                Some(middle) => (
                    format!("Invalid UTF-8 middle byte 0x{middle:x}"),
                    self.at + 2,
                ),
                None => self.ended("Unexpected end-of-input"),
            }
        } else {
            (format!("Invalid UTF-8 start byte 0x{byte:x}"), self.at + 1)
        })
    }

    fn value(&mut self) -> Result<(), Wrong> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let depth = self.depth;
            let text = format!(
                "Document nesting depth ({depth}) exceeds the maximum allowed ({MAX_DEPTH}, from \
                 `StreamReadConstraints.getMaxNestingDepth()`)"
            );
            return Err((text, self.at + 1));
        }
        let result = match self.peek() {
            None => Err(self.ended("No content to map due to end-of-input")),
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$') => self.word(),
            Some(_) => Err(self.unexpected(VALUE)),
        };
        self.depth -= 1;
        result
    }

    fn word(&mut self) -> Result<(), Wrong> {
        let begin = self.at;
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
        while self.peek().is_some_and(is_part) {
            self.at += 1;
        }
        let word = &self.body[begin..self.at];
        if [&b"true"[..], b"false", b"null"].contains(&word) {
            return Ok(());
        }
        let word = String::from_utf8_lossy(word);
        let text =
            format!("Unrecognized token '{word}': was expecting ('true', 'false' or 'null')");
        // What ended the word has been read, or the end of the body.
        let at = self.at + 1;
        Err((text, at))
    }

    fn number(&mut self) -> Result<(), Wrong> {
        let begin = self.at;
        while self
            .peek()
            .is_some_and(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
        {
            self.at += 1;
        }
        let text = String::from_utf8_lossy(&self.body[begin..self.at]);
        if serde_json::from_str::<IgnoredAny>(&text).is_ok() {
            return Ok(());
        }
        let digits = text.strip_prefix('-').unwrap_or(&text);
        let reason = if digits.len() > 1 && digits.starts_with('0') {
            "Invalid numeric value: Leading zeroes not allowed".to_owned()
        } else {
            format!("Invalid numeric value: '{text}'")
        };
        Err((reason, self.at + 1))
    }

    fn string(&mut self) -> Result<(), Wrong> {
        self.at += 1;
        loop {
            match self.peek() {
                None => {
                    let text =
                        "Unexpected end-of-input: was expecting closing quote for a string value";
                    return Err(self.ended(text));
                }
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(byte) if byte < 0x20 => {
                    let text = format!(
                        "Illegal unquoted character ((CTRL-CHAR, code {byte})): has to be escaped using backslash to be \
                         included in string value"
                    );
                    return Err((text, self.at + 1));
                }
                Some(first @ 0x80..) => match self.utf8() {
                    Some(wrong) => return Err(wrong),
                    None => {
                        self.at += match first {
                            0xf0.. => 4,
                            0xe0.. => 3,
                            _ => 2,
                        }
                    }
                },
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), Wrong> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                for _ in 0..4 {
                    self.at += 1;
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(
                            self.unexpected("expected a hex-digit for character escape sequence")
                        );
                    }
                }
                self.at += 1;
            }
            Some(byte) => {
                let letter = byte as char;
                let text = format!("Unrecognized character escape '{letter}' (code {byte})");
                return Err((text, self.at + 1));
            }
            None => return Err(self.ended("Unexpected end-of-input in character escape sequence")),
        }
        Ok(())
    }

    /// The end of the body within something that is to be closed.
    fn unclosed(&self, what: &str, begin: usize) -> Wrong {
        let marker = place(self.body, begin);
        let text = format!(
            "Unexpected end-of-input: expected close marker for {what} (start marker at {marker})"
        );
        self.ended(&text)
    }

    fn array(&mut self) -> Result<(), Wrong> {
        let begin = self.at;
        self.at += 1;
        self.blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.blank();
            if self.peek().is_none() {
                return Err(self.unclosed("Array", begin));
            }
            self.value()?;
            if self.closes("Array", b']', begin)? {
                return Ok(());
            }
        }
    }

    /// After an entry of an array or object: whether it is the last.
    fn closes(&mut self, what: &str, close: u8, begin: usize) -> Result<bool, Wrong> {
        self.blank();
        match self.peek() {
            Some(byte) if byte == b',' || byte == close => {
                self.at += 1;
                Ok(byte == close)
            }
            None => Err(self.unclosed(what, begin)),
            Some(_) => {
                let text = format!("was expecting comma to separate {what} entries");
                Err(self.unexpected(&text))
            }
        }
    }

    fn object(&mut self) -> Result<(), Wrong> {
        let begin = self.at;
        self.at += 1;
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.blank();
            match self.peek() {
                None => return Err(self.unclosed("Object", begin)),
                Some(b'"') => self.string()?,
                Some(_) => {
                    return Err(self.unexpected("was expecting double-quote to start field name"));
                }
            }
            self.blank();
            match self.peek() {
                Some(b':') => self.at += 1,
                None => return Err(self.unclosed("Object", begin)),
                Some(_) => {
                    return Err(
                        self.unexpected("was expecting a colon to separate field name and value")
                    );
                }
            }
            self.blank();
            if self.peek().is_none() {
                return Err(self.unclosed("Object", begin));
            }
            self.value()?;
            if self.closes("Object", b'}', begin)? {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn what_is_wrong_is_told_in_the_words_that_aws_documents() {
        let of = |body: &[u8]| problem(body).unwrap();
        assert_eq!(
            of(b"value"),
            "Unrecognized token 'value': was expecting ('true', 'false' or 'null')\n at [Source: (byte[])\"value\"; line: 1, column: 11]"
        );
        let begins = |body: &[u8], text: &str| assert!(of(body).starts_with(text), "{}", of(body));
        begins(
            b"{'a': 1}",
            "Unexpected character (''' (code 39)): was expecting double-quote to start field name\n at [Source: (byte[])\"{'a': 1}\"; line: 1, column: 3]",
        );
        begins(
            b"{\"a\" 1}",
            "Unexpected character ('1' (code 49)): was expecting a colon",
        );
        begins(
            b"[1 2]",
            "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries",
        );
        begins(
            b"{\"a\": 1,}",
            "Unexpected character ('}' (code 125)): was expecting double-quote to start field name",
        );
        begins(
            b"{\"a\":",
            "Unexpected end-of-input: expected close marker for Object (start marker at [Source: (byte[])\"{\"a\":\"; line: 1, column: 1])",
        );
        begins(
            b"\"a",
            "Unexpected end-of-input: was expecting closing quote for a string value",
        );
        begins(
            b"\"a\nb\"",
            "Illegal unquoted character ((CTRL-CHAR, code 10))",
        );
        begins(b"01", "Invalid numeric value: Leading zeroes not allowed");
        begins(
            b"\x01",
            "Unexpected character ((CTRL-CHAR, code 1)): expected a valid value",
        );
        begins(b"\x87", "Invalid UTF-8 start byte 0x87");
        begins(b"\"\xc3(\"", "Invalid UTF-8 middle byte 0x28");
        for text in ["\u{e4}", "\u{20ac}", "\u{1f600}"] {
            let body = format!("[\"{text}\", ]");
            begins(body.as_bytes(), "Unexpected character (']' (code 93))");
        }
        begins(b"\"\\x\"", "Unrecognized character escape 'x' (code 120)");
        begins(b" ", "No content to map due to end-of-input");
        begins(
            b"1 2",
            "Unexpected character ('2' (code 50)): expected the end of the document",
        );
        begins(
            b"{\n  a}",
            "Unexpected character ('a' (code 97)): was expecting double-quote",
        );
        assert!(of(b"{\n  a}").ends_with("; line: 2, column: 4]"));
        for fine in [&b"{}"[..], b"null", b" [1.5e3, \"\xc3\xa4\"] "] {
            assert_eq!(problem(fine), None);
        }
    }

    #[test]
    fn nesting_has_a_bound() {
        let unclosed = "[".repeat(100_000);
        let text = problem(unclosed.as_bytes()).unwrap();
        let words = "Document nesting depth (1001) exceeds the maximum allowed (1000";
        assert!(text.starts_with(words), "{text}");
        let closed = unclosed.clone() + &unclosed.replace('[', "]");
        assert_eq!(problem(closed.as_bytes()), None);
    }
}
