//! JSON with places. The text is checked by `serde_json` first, so that its errors are exact; the walk can then trust it.

use std::sync::Arc;

use serde::de::IgnoredAny;

use super::node::{Entry, Kind, Node, Span};
use super::scalar::python_float;

/// Reads a JSON document; none where the text is not JSON.
pub(super) fn read(text: &str) -> Option<Node> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    Some(
        Walk {
            text,
            at: 0,
            line: 1,
            line_start: 0,
        }
        .value(),
    )
}

struct Walk<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    line_start: usize,
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

    fn place(&self) -> Span {
        let column = self.text[self.line_start..self.at].chars().count() + 1;
        Span {
            start: self.at,
            end: self.at,
            line: self.line,
            column,
        }
    }

    fn value(&mut self) -> Node {
        let first = self.peek();
        let mut span = self.place();
        let kind = match first {
            b'{' => self.map(),
            b'[' => self.list(),
            b'"' => Kind::String(self.string()),
            _ => self.word(),
        };
        span.end = self.at;
        Node { kind, span }
    }

    fn list(&mut self) -> Kind {
        let mut items = Vec::new();
        self.at += 1;
        while self.peek() != b']' {
            items.push(self.value());
            self.skip_comma();
        }
        self.at += 1;
        Kind::List(Arc::new(items))
    }

    fn map(&mut self) -> Kind {
        let mut entries: Vec<Entry> = Vec::new();
        self.at += 1;
        while self.peek() != b'}' {
            let mut key_span = self.place();
            let key = self.string();
            key_span.end = self.at;
            self.peek();
            // The colon.
            self.at += 1;
            let value = self.value();
            match entries.iter_mut().find(|entry| entry.key == key) {
                Some(earlier) => earlier.value = value,
                None => entries.push(Entry {
                    key,
                    key_span,
                    value,
                }),
            }
            self.skip_comma();
        }
        self.at += 1;
        Kind::Map(Arc::new(entries))
    }

    fn skip_comma(&mut self) {
        if self.peek() == b',' {
            self.at += 1;
        }
    }

    fn string(&mut self) -> String {
        let bytes = self.text.as_bytes();
        let start = self.at;
        self.at += 1;
        while bytes[self.at] != b'"' {
            self.at += if bytes[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        serde_json::from_str(&self.text[start..self.at]).unwrap_or_default()
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
                    .map_or_else(|_| number.to_owned(), python_float),
            ),
            "-0" => Kind::Number("0".to_owned()),
            number => Kind::Number(number.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_knows_its_place() {
        let node = read("{\n  \"é\": [1, \"a\\u0041\\\"\"],\n\t\"k\": 1e3 }").unwrap();
        assert_eq!(node.to_json(), "{\"é\":[1,\"aA\\\"\"],\"k\":1000.0}");
        let place = |node: &Node| (node.span.line, node.span.column);
        assert_eq!(place(&node), (1, 1));
        assert_eq!(place(&node.get("é").unwrap().items().unwrap()[1]), (2, 12));
        assert_eq!(place(node.get("k").unwrap()), (3, 7));
        assert!(read("{a: 1}").is_none());
    }
}
