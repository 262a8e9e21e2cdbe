//! What the tests stand on: a temporary project and the program under test in it, the engine, a scripted sandbox.

pub(crate) mod debuggers;
pub(crate) mod engine;
pub(crate) mod fake_engine;
pub(crate) mod http;
pub(crate) mod project;
pub(crate) mod scripted;
pub(crate) mod server;

pub(crate) use project::{Output, Project};

use std::path::PathBuf;

/// The project's own directory.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Text without what differs from run to run: ids, figures, paths.
pub(crate) fn redact(text: &str, project: &Project) -> String {
    let text = text.replace(&project.path().display().to_string(), "[PROJECT]");
    let mut lines = Vec::new();
    for line in text.lines() {
        let words = line.split_inclusive([' ', '\t']).map(|word| {
            let bare = word.trim_end();
            let redacted = match bare {
                bare if bare.len() == 36 && bare.matches('-').count() == 4 => "[ID]",
                bare if bare.len() == 64 && bare.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                    "[CONTAINER]"
                }
                bare if bare.parse::<f64>().is_ok() && line.starts_with("REPORT") => "[N]",
                bare => bare,
            };
            format!("{redacted}{}", &word[bare.len()..])
        });
        lines.push(words.collect::<String>());
    }
    lines.join("\n")
}
