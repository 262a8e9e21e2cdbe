//! Who may use whom, and how long a file may be: read from the sources, so that the layout cannot drift.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::root;

/// Each module and the modules that it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("lambda", &[]),
    ("env", &[]),
    ("shutdown", &[]),
    ("content", &["aws", "lambda"]),
    ("channel", &[]),
    ("near", &[]),
    ("aws", &["env", "lambda"]),
    ("template", &["lambda"]),
    ("function", &["lambda", "near", "template"]),
    ("engine", &["channel", "lambda", "env", "shutdown"]),
    ("runtime_api", &["lambda", "shutdown"]),
    (
        "sandbox",
        &[
            "function",
            "engine",
            "channel",
            "runtime_api",
            "lambda",
            "shutdown",
        ],
    ),
    ("net", &[]),
    ("invoke", &["function", "lambda", "sandbox"]),
    ("serve", &["function", "invoke", "lambda"]),
    ("report", &["lambda"]),
    // Value types of options.
    ("cli", &["engine", "lambda", "near", "template"]),
    (
        "settings",
        &[
            "cli", "aws", "env", "template", "lambda", "function", "engine", "near",
        ],
    ),
    ("exit", &["lambda", "shutdown"]),
    (
        "error",
        &[
            "content", "engine", "function", "sandbox", "settings", "template", "exit",
        ],
    ),
    (
        "command",
        &[
            "invoke", "net", "serve", "content", "cli", "aws", "engine", "env", "error", "exit",
            "function", "lambda", "sandbox", "settings", "shutdown", "template",
        ],
    ),
];

/// Lines of production code that a file may have; what is at the foot of it for tests does not count.
const MAX_LINES: usize = 400;

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
    {
        if entry.is_dir() {
            found.extend(sources(&entry));
        } else if entry.extension().is_some_and(|end| end == "rs") {
            found.push(entry);
        }
    }
    found
}

/// The part of a file before its tests.
fn production(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("\n#[cfg(test)]\n").next().unwrap().to_owned()
}

#[test]
fn modules_use_only_what_they_may() {
    let source = root().join("src");
    let mut wrong = Vec::new();
    for path in sources(&source) {
        let relative = path.strip_prefix(&source).unwrap();
        let module = relative
            .iter()
            .next()
            .unwrap()
            .to_string_lossy()
            .trim_end_matches(".rs")
            .to_owned();
        // The composition of the whole, and the program that is not part of it.
        if matches!(module.as_str(), "lib" | "main" | "session" | "supervisor") {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!("{module} is not in the table"));
            continue;
        };
        for used in production(&path).split("crate::").skip(1) {
            let used: String = used
                .chars()
                .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
                .collect();
            let known = MAY_USE.iter().any(|(name, _)| *name == used);
            if known && used != module && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{} uses {used}", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_supervisor_knows_nothing_of_the_crate_but_the_frames() {
    for path in sources(&root().join("src/supervisor")) {
        let text = production(&path);
        for word in ["sam_rs::", "tokio", "lambda", "Lambda", "docker", "Docker"] {
            let prose = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            assert!(
                !prose.collect::<String>().contains(word),
                "{} knows {word}",
                path.display()
            );
        }
    }
}

#[test]
fn no_file_is_too_long_and_every_one_says_what_it_is() {
    for path in sources(&root().join("src")) {
        let text = production(&path);
        assert!(
            text.lines().count() <= MAX_LINES,
            "{} has {} lines",
            path.display(),
            text.lines().count()
        );
        assert!(
            text.starts_with("//! "),
            "{} does not begin with its purpose",
            path.display()
        );
    }
}
