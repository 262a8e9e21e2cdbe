//! `sam-rs man-pages DIRECTORY`: a manual page for every command.

use std::fs;
use std::path::Path;

use crate::cli;
use crate::error::Error;

/// Writes the pages, each named as `man` looks for it.
///
/// # Errors
/// The directory cannot be made, or written to.
pub fn man_pages(directory: &Path) -> Result<(), Error> {
    let written = fs::create_dir_all(directory).and_then(|()| {
        clap_mangen::generate_to(cli::command().disable_help_subcommand(true), directory)
    });
    written.map_err(|source| Error::File {
        action: "writing manual pages to",
        path: directory.to_owned(),
        source,
    })
}
