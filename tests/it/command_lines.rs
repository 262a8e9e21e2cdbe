//! Command lines that SAM CLI was given, too (`dev/record-command-lines`): ours end with the same code, print the same
//! result and name the same error, but for the rows that `DIFFERENCES.md` gives a reason for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::sync::Mutex;
use std::thread;

use serde::Deserialize;

use crate::support::{Project, root};

const CORPUS: &str = "testdata/command-lines";
/// Rows that run at a time.
const THREADS: usize = 2;

#[derive(Deserialize)]
struct Row {
    name: String,
    project: String,
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    stdin: String,
}

/// What came of a command line; the error is the first line that starts with `Error:`.
#[derive(Debug, Deserialize)]
struct Answer {
    code: Option<i32>,
    stdout: String,
    error: String,
}

impl Answer {
    /// Whether it is SAM CLI's answer, after which an error may say more.
    fn is_as(&self, sam: &Self) -> bool {
        self.code == sam.code && self.stdout == sam.stdout && self.error.starts_with(&sam.error)
    }
}

#[test]
fn command_lines_do_what_sam_makes_of_them() {
    let rows: Vec<Row> = serde_json::from_str(&read("rows.json")).unwrap();
    let sam: BTreeMap<String, Answer> = serde_json::from_str(&read("sam.json")).unwrap();
    let text = read("DIFFERENCES.md");
    let mut reasons = reasons(&text);
    let mut wrong = Vec::new();
    for (name, ours) in answers(&rows) {
        let Some(sam) = sam.get(name) else {
            wrong.push(format!("{name}: not recorded"));
            continue;
        };
        let listed = reasons.remove(name);
        if ours.is_as(sam) == listed {
            let note = if listed { " (listed)" } else { "" };
            wrong.push(format!(
                "{name}{note}\n  SAM CLI: {sam:?}\n  ours:    {ours:?}"
            ));
        }
    }
    wrong.extend(reasons.iter().map(|name| format!("{name}: no row")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The names of the rows that may differ.
fn reasons(text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("- ")) {
        let (name, reason) = line.split_once(": ").unwrap_or((line, ""));
        assert!(!reason.is_empty(), "{name}: listed without a reason");
        assert!(names.insert(name), "{name}: listed twice");
    }
    names
}

fn answers(rows: &[Row]) -> Vec<(&str, Answer)> {
    let waiting = Mutex::new(rows.iter());
    let work = || {
        let mut answers = Vec::new();
        loop {
            let next = waiting.lock().unwrap().next();
            let Some(row) = next else { return answers };
            answers.push((row.name.as_str(), answer(row)));
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let answers = workers.into_iter().map(|worker| worker.join().unwrap());
        answers.flatten().collect()
    })
}

fn answer(row: &Row) -> Answer {
    let project = Project::copy_of(&format!("{CORPUS}/projects/{}", row.project));
    let args: Vec<_> = row.args.iter().map(String::as_str).collect();
    let mut command = project.command(&args);
    command.env("SAM_SKIP_PULL_IMAGE", "true").envs(&row.env);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // Not every row reads it.
    drop(child.stdin.take().unwrap().write_all(row.stdin.as_bytes()));
    let output = project.finish(child);
    let error = output
        .stderr
        .lines()
        .find(|line| line.starts_with("Error:"));
    let redacted = |text: &str| text.replace(&project.path().display().to_string(), "[PROJECT]");
    Answer {
        code: output.code,
        stdout: redacted(&output.stdout),
        error: redacted(error.unwrap_or_default()),
    }
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(CORPUS).join(name)).unwrap()
}
