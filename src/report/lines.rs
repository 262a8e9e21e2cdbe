//! Output of several sources in one stream of text, without a character torn or two lines run into one.

/// Longest part of a line that is held back for the rest of it.
const MAX_HELD: usize = 64 * 1024;

/// Joins the sources.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Who wrote the line that is shown but not ended yet.
    open: Option<u64>,
    /// What sources have written of a line that is not ended yet.
    held: Vec<Held>,
}

#[derive(Debug, Default)]
struct Held {
    source: u64,
    bytes: Vec<u8>,
    /// The last byte was a carriage return, taken as a newline: a newline that follows is the same one.
    returned: bool,
}

impl Lines {
    /// The text to write for a chunk of a source's output: its whole lines. The rest is held back, for a chunk of
    /// another source may come before it goes on.
    pub(super) fn output(&mut self, source: u64, chunk: &[u8]) -> Vec<u8> {
        let at = self.held.iter().position(|held| held.source == source);
        let at = at.unwrap_or_else(|| {
            self.held.push(Held {
                source,
                ..Held::default()
            });
            self.held.len() - 1
        });
        self.held[at].take(chunk);
        let bytes = &mut self.held[at].bytes;
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |newline| newline + 1);
        let rest = if bytes.len() - whole > MAX_HELD {
            Vec::new()
        } else {
            bytes.split_off(whole)
        };
        let text = std::mem::replace(bytes, rest);
        self.show(source, text)
    }

    /// Whether something is held back.
    pub(super) fn holds(&self) -> bool {
        self.held.iter().any(|held| !held.bytes.is_empty())
    }

    /// The text to write when nothing has come for a while: what is held back, as far as characters are whole.
    pub(super) fn idle(&mut self) -> Vec<u8> {
        self.release(torn_tail)
    }

    /// Shows everything that is held back and ends the line.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let mut text = self.release(|_| 0);
        if self.open.take().is_some() {
            text.push(b'\n');
        }
        text
    }

    fn release(&mut self, keep: impl Fn(&[u8]) -> usize) -> Vec<u8> {
        let mut text = Vec::new();
        for mut held in std::mem::take(&mut self.held) {
            let rest = held.bytes.split_off(held.bytes.len() - keep(&held.bytes));
            let bytes = std::mem::replace(&mut held.bytes, rest);
            text.extend(self.show(held.source, bytes));
            self.held.push(held);
        }
        text
    }

    /// Text of a source, on a line of its own where another's is open.
    fn show(&mut self, source: u64, mut text: Vec<u8>) -> Vec<u8> {
        if text.is_empty() {
            return text;
        }
        if self.open.is_some_and(|open| open != source) {
            text.insert(0, b'\n');
        }
        self.open = (text.last() != Some(&b'\n')).then_some(source);
        text
    }
}

impl Held {
    fn take(&mut self, chunk: &[u8]) {
        for byte in chunk {
            match byte {
                b'\r' => self.bytes.push(b'\n'),
                b'\n' if self.returned => {}
                byte => self.bytes.push(*byte),
            }
            self.returned = *byte == b'\r';
        }
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

    /// What is shown of chunks; with a pause after each where `idle`.
    fn shown(chunks: &[(u64, &[u8])], idle: bool) -> String {
        let mut lines = Lines::default();
        let mut text = Vec::new();
        for (source, chunk) in chunks {
            text.extend(lines.output(*source, chunk));
            text.extend(if idle { lines.idle() } else { Vec::new() });
        }
        text.extend(lines.finish());
        text.extend(b"END\n");
        String::from_utf8_lossy(&text).into_owned()
    }

    #[test]
    fn lines_of_two_sources_do_not_run_into_each_other() {
        assert_eq!(
            shown(&[(1, b"a"), (2, b"b\n"), (1, b"c\n")], false),
            "b\nac\nEND\n"
        );
        assert_eq!(
            shown(&[(1, b"a"), (2, b"b\n"), (1, b"c\n")], true),
            "a\nb\nc\nEND\n"
        );
        assert_eq!(shown(&[(1, b"a"), (1, b"b")], true), "ab\nEND\n");
        assert_eq!(shown(&[(1, b"a"), (2, b"b")], false), "a\nb\nEND\n");
        assert_eq!(shown(&[], false), "END\n");
    }

    #[test]
    fn a_character_split_in_any_way_stays_whole() {
        let text = "é€𝄞".as_bytes();
        for at in 0..text.len() {
            for idle in [true, false] {
                let chunks = [(1, &text[..at]), (2, &b""[..]), (1, &text[at..])];
                assert_eq!(shown(&chunks, idle), "é€𝄞\nEND\n", "{at}");
            }
        }
        assert_eq!(
            shown(&[(1, &text[..1]), (2, b"x\n"), (1, &text[1..2])], true),
            "x\né\nEND\n"
        );
        assert_eq!(shown(&[(1, b"\xff\xc3")], true), "\u{fffd}\u{fffd}\nEND\n");
    }

    #[test]
    fn a_carriage_return_is_a_newline() {
        assert_eq!(
            shown(&[(1, b"a\rb\r\nc\r"), (1, b"\nd")], false),
            "a\nb\nc\nd\nEND\n"
        );
    }

    #[test]
    fn a_line_without_end_is_not_held_for_ever() {
        let mut lines = Lines::default();
        assert_eq!(
            lines.output(1, &vec![b'x'; MAX_HELD + 1]).len(),
            MAX_HELD + 1
        );
        assert!(!lines.holds());
    }
}
