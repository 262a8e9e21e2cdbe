//! YAML is read as SAM reads it: a corpus with what SAM's own parser made of it (`dev/record-yaml`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sam_rs::template;

use crate::support::root;

fn cases(directory: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(directory))
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let mut cases: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    cases.sort();
    assert!(cases.len() > 10, "the corpus is there");
    cases
}

/// Cases that are knowingly different, each with its reason.
fn differences() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join("testdata/yaml/DIFFERENCES")).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    let split = |line: &str| {
        line.split_once(": ")
            .map(|(case, why)| (case.to_owned(), why.to_owned()))
    };
    lines
        .map(|line| split(line).expect("a case and a reason"))
        .collect()
}

/// The cases that differ are exactly those that are said to.
fn compare(directory: &str, differs: impl Fn(&Path) -> Option<String>) {
    let known = differences();
    let mut wrong = Vec::new();
    for case in cases(directory) {
        let name = case
            .strip_prefix(root().join("testdata/yaml"))
            .unwrap()
            .with_extension("");
        let known = known.get(name.to_str().unwrap());
        match (differs(&case), known) {
            (Some(how), None) => wrong.push(format!("{}: {how}", name.display())),
            (None, Some(_)) => wrong.push(format!("{}: does not differ any more", name.display())),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn read(case: &Path) -> Result<template::Node, String> {
    let text = String::from_utf8(fs::read(case).unwrap()).map_err(|error| error.to_string())?;
    template::read(&text).map_err(|error| format!("{}: {error}", error.span.line))
}

#[test]
fn every_document_is_what_sam_makes_of_it() {
    compare("testdata/yaml", |case| {
        let expected = fs::read_to_string(case.with_extension("json")).unwrap();
        let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
        let ours: serde_json::Value = match read(case) {
            Ok(node) => serde_json::from_str(&node.to_json()).unwrap(),
            Err(error) => return Some(error),
        };
        // As text, so that the order counts.
        let (ours, expected) = (ours.to_string(), expected.to_string());
        (ours != expected).then(|| format!("\n  ours {ours}\n  SAM  {expected}"))
    });
}

#[test]
fn what_sam_refuses_is_refused_at_the_same_line() {
    compare("testdata/yaml/errors", |case| {
        let line = fs::read_to_string(case.with_extension("line")).unwrap();
        match read(case) {
            Ok(node) => Some(format!("taken as {}", node.to_json())),
            Err(error) if error.starts_with(&format!("{}: ", line.trim())) => None,
            Err(error) => Some(format!("{error} (SAM: line {})", line.trim())),
        }
    });
}
