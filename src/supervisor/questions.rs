//! Questions about the sandbox's files and ports.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use crate::channel::frame::{Answer, Stat};
use crate::sys;

/// What a path is.
pub(crate) fn stat(path: &str) -> Answer {
    answer(fs::metadata(path).map(|found| {
        Answer::Stat(Stat {
            directory: found.is_dir(),
            mode: found.mode() & 0o7777,
            size: found.size(),
        })
    }))
}

/// The names in a directory, sorted.
pub(crate) fn list(path: &str) -> Answer {
    let names = fs::read_dir(path).and_then(|entries| {
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()
    });
    answer(names.map(|mut names| {
        names.sort_unstable();
        Answer::List(names)
    }))
}

/// Whether something listens on a port. A connection would tell as well, but a debugger would take it for its client.
pub(crate) fn listening(port: u16) -> bool {
    ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .any(|table| table.lines().skip(1).any(|line| is_listener(line, port)))
}

/// A line of the kernel's table: its own number, the local address, the remote one, the state.
fn is_listener(line: &str, port: u16) -> bool {
    const LISTEN: &str = "0A";
    let mut fields = line.split_ascii_whitespace().skip(1);
    let local = fields
        .next()
        .and_then(|address| u16::from_str_radix(address.rsplit(':').next()?, 16).ok());
    local == Some(port) && fields.nth(1) == Some(LISTEN)
}

fn answer(found: io::Result<Answer>) -> Answer {
    found.unwrap_or_else(|error| Answer::Error(error.raw_os_error().unwrap_or(sys::ENOENT)))
}
