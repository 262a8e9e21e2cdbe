//! JSON with places. The text is checked by `serde_json` first, so that its errors are exact; the walk can then trust it.

use std::collections::HashMap;

use serde::de::IgnoredAny;

use super::node::{Entry, Kind, Node, Span};
use super::scalar::python_float;
use super::yaml::Document;

/// Deepest nesting.
const MAX_DEPTH: usize = 200;

/// Reads a JSON document; none where the text is not JSON, or nested too deep.
pub(super) fn read(text: &str, file: usize) -> Option<Document> {
    // Most templates are YAML, and told by their first letter.
    let begins = |first: char| first.is_ascii_digit() || "{[\"-tfn".contains(first);
    if !text.trim_start().starts_with(begins) {
        return None;
    }
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut walk = Walk {
        text,
        file,
        at: 0,
        line: 1,
        line_start: 0,
        counted: (0, 1),
        depth: 0,
        replaced: Vec::new(),
    };
    let root = walk.value()?;
    Some(Document {
        root,
        replaced: walk.replaced,
    })
}

struct Walk<'a> {
    text: &'a str,
    file: usize,
    at: usize,
    line: usize,
    line_start: usize,
    /// An offset in this line and its column: what is ahead of it is not counted again.
    counted: (usize, usize),
    depth: usize,
    replaced: Vec<(String, Span)>,
}

impl Walk<'_> {
    fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while let Some(blank @ (b' ' | b'\n' | b'\r' | b'\t')) = bytes.get(self.at) {
            self.at += 1;
            if *blank == b'\n' {
                self.line += 1;
                self.line_start = self.at;
            }
        }
        bytes.get(self.at).copied().unwrap_or(0)
    }

    fn place(&mut self) -> Span {
        let (from, column) = if self.counted.0 < self.line_start {
            (self.line_start, 1)
        } else {
            self.counted
        };
        self.counted = (self.at, column + self.text[from..self.at].chars().count());
        Span {
            start: self.at as u32,
            end: self.at as u32,
            line: self.line as u32,
            column: self.counted.1 as u32,
            file: self.file as u32,
        }
    }

    fn value(&mut self) -> Option<Node> {
        let first = self.peek();
        let mut span = self.place();
        self.depth += 1;
        let kind = match first {
            _ if self.depth > MAX_DEPTH => None,
            b'{' => self.map(),
            b'[' => self.list(),
            b'"' => self.string().map(|text| Kind::String(text.into())),
            _ => Some(self.word()),
        };
        self.depth -= 1;
        span.end = self.at as u32;
        Some(Node { kind: kind?, span })
    }

    fn list(&mut self) -> Option<Kind> {
        let mut items = Vec::new();
        self.at += 1;
        while self.peek() != b']' {
            items.push(self.value()?);
            self.skip_comma();
        }
        self.at += 1;
        Some(Kind::List(items.into()))
    }

    fn map(&mut self) -> Option<Kind> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        self.at += 1;
        while self.peek() != b'}' {
            let mut key_span = self.place();
            let key = self.string()?;
            key_span.end = self.at as u32;
            self.peek();
            // The colon.
            self.at += 1;
            let value = self.value()?;
            if let Some(at) = places.get(&key) {
                let entry = &mut entries[*at];
                self.replaced.push((key, entry.key_span));
                (entry.value, entry.key_span) = (value, key_span);
            } else {
                entries.push(Entry {
                    key: key.as_str().into(),
                    key_span,
                    value,
                });
                places.insert(key, entries.len() - 1);
            }
            self.skip_comma();
        }
        self.at += 1;
        Some(Kind::Map(entries.into()))
    }

    fn skip_comma(&mut self) {
        if self.peek() == b',' {
            self.at += 1;
        }
    }

    /// None for half of a surrogate pair, which is no text.
    fn string(&mut self) -> Option<String> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        self.at += 1;
        while bytes[self.at] != b'"' {
            self.at += if bytes[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        serde_json::from_str(&self.text[start..self.at]).ok()
    }

    fn word(&mut self) -> Kind {
        let rest = &self.text[self.at..];
        let end = rest
            .find([',', ']', '}', ' ', '\n', '\r', '\t'])
            .unwrap_or(rest.len());
        self.at += end;
        match &rest[..end] {
            "null" => Kind::Null,
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            number if number.contains(['.', 'e', 'E']) => Kind::Number(
                number
                    .parse()
                    .map_or_else(|_| number.into(), |value| python_float(value).into()),
            ),
            "-0" => Kind::Number("0".into()),
            number => Kind::Number(number.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_knows_its_place() {
        let node = read("{\n  \"é\": [1, \"a\\u0041\\\"\"],\n\t\"k\": 1e3 }", 0)
            .unwrap()
            .root;
        assert_eq!(node.to_json(), "{\"é\":[1,\"aA\\\"\"],\"k\":1000.0}");
        let place = |node: &Node| (node.span.line, node.span.column);
        assert_eq!(place(&node), (1, 1));
        assert_eq!(place(&node.get("é").unwrap().items().unwrap()[1]), (2, 12));
        assert_eq!(place(node.get("k").unwrap()), (3, 7));
        assert!(read("{a: 1}", 0).is_none());
        assert!(read(&("[".repeat(100_000) + &"]".repeat(100_000)), 0).is_none());
        assert!(read(r#"{"a": "\ud83d"}"#, 0).is_none());
    }
}
