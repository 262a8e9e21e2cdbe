//! Output of several sources in one stream of text, without a character torn or two lines run into one.

use bytes::Bytes;

/// Joins the sources.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Who wrote the line that is not ended yet.
    open: Option<u32>,
    /// The beginning of a character, by source.
    torn: Vec<(u32, Vec<u8>)>,
    /// Sources whose last byte was a carriage return, shown as a newline: a newline that follows is the same one.
    returned: Vec<u32>,
}

impl Lines {
    /// The text to write for a chunk of a source's output.
    pub(super) fn output(&mut self, source: u32, chunk: &Bytes) -> Vec<u8> {
        let mut bytes = self.take_torn(source);
        bytes.extend_from_slice(chunk);
        let whole = bytes.len() - torn_tail(&bytes);
        if whole < bytes.len() {
            self.torn.push((source, bytes.split_off(whole)));
        }
        let mut text = Vec::with_capacity(bytes.len() + 1);
        let mut after_return = self.take_returned(source);
        if self.open.is_some_and(|open| open != source) && !bytes.is_empty() {
            text.push(b'\n');
        }
        for byte in bytes {
            match byte {
                b'\r' => text.push(b'\n'),
                b'\n' if after_return => {}
                byte => text.push(byte),
            }
            after_return = byte == b'\r';
        }
        if after_return {
            self.returned.push(source);
        }
        match text.last() {
            None => {}
            Some(b'\n') => self.open = None,
            Some(_) => self.open = Some(source),
        }
        text
    }

    /// The text to write for a line of our own; with what sources have left torn, because nothing of it may be lost.
    pub(super) fn line(&mut self, line: &str) -> Vec<u8> {
        let mut text = self.finish();
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
        text
    }

    /// Ends the line that is open.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let mut text: Vec<u8> = self.torn.drain(..).flat_map(|(_, bytes)| bytes).collect();
        if self.open.take().is_some() || !text.is_empty() {
            text.push(b'\n');
        }
        text
    }

    fn take_torn(&mut self, source: u32) -> Vec<u8> {
        let at = self.torn.iter().position(|(known, _)| *known == source);
        at.map(|at| self.torn.swap_remove(at).1).unwrap_or_default()
    }

    fn take_returned(&mut self, source: u32) -> bool {
        let before = self.returned.len();
        self.returned.retain(|known| *known != source);
        self.returned.len() < before
    }
}

/// Bytes at the end that are the beginning of a character of UTF-8. Bytes that are none at all are not held back.
fn torn_tail(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    for (back, byte) in tail.iter().rev().enumerate() {
        let length = match byte {
            0b1100_0000..=0b1101_1111 => 2,
            0b1110_0000..=0b1110_1111 => 3,
            0b1111_0000..=0b1111_0111 => 4,
            0b1000_0000..=0b1011_1111 => continue,
            _ => return 0,
        };
        return if back + 1 < length { back + 1 } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(chunks: &[(u32, &[u8])]) -> String {
        let mut lines = Lines::default();
        let mut text: Vec<u8> = chunks
            .iter()
            .flat_map(|(source, chunk)| lines.output(*source, &Bytes::copy_from_slice(chunk)))
            .collect();
        text.extend(lines.line("END"));
        String::from_utf8_lossy(&text).into_owned()
    }

    #[test]
    fn lines_of_two_sources_do_not_run_into_each_other() {
        assert_eq!(
            joined(&[(1, b"a"), (2, b"b\n"), (1, b"c\n")]),
            "a\nb\nc\nEND\n"
        );
        assert_eq!(joined(&[(1, b"a"), (1, b"b")]), "ab\nEND\n");
        assert_eq!(joined(&[]), "END\n");
    }

    #[test]
    fn a_character_split_in_any_way_stays_whole() {
        let text = "é€𝄞".as_bytes();
        for at in 0..text.len() {
            assert_eq!(
                joined(&[(1, &text[..at]), (2, b""), (1, &text[at..])]),
                "é€𝄞\nEND\n",
                "{at}"
            );
        }
        assert_eq!(
            joined(&[(1, &text[..1]), (2, b"x\n"), (1, &text[1..2])]),
            "x\né\nEND\n"
        );
        assert_eq!(joined(&[(1, b"\xff\xc3")]), "\u{fffd}\u{fffd}\nEND\n");
    }

    #[test]
    fn a_carriage_return_is_a_newline() {
        assert_eq!(
            joined(&[(1, b"a\rb\r\nc\r"), (1, b"\nd")]),
            "a\nb\nc\nd\nEND\n"
        );
    }
}
