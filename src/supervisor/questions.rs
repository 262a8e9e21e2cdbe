//! Questions about the sandbox's files.

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

fn answer(found: io::Result<Answer>) -> Answer {
    found.unwrap_or_else(|error| Answer::Error(error.raw_os_error().unwrap_or(sys::ENOENT)))
}
