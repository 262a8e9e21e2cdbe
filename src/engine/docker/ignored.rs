//! `.dockerignore`: what of a context is left out. The patterns are those of Go's `filepath.Match`, with `**`; the last one
//! that matches counts: <https://docs.docker.com/build/concepts/context/#dockerignore-files>.

use std::fs;
use std::io;
use std::path::Path;

use regex_lite::Regex;

const FILE: &str = ".dockerignore";

/// The patterns of a context.
pub(super) struct Ignored {
    /// Each with whether it takes back what ones before it leave out.
    patterns: Vec<(Regex, bool)>,
    /// Files that are there whatever the patterns say: the engine needs them.
    needed: [String; 2],
}

impl Ignored {
    /// Reads the patterns of a context; a context without is taken whole.
    pub(super) fn read(context: &Path, dockerfile: &str) -> io::Result<Self> {
        let text = match fs::read_to_string(context.join(FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        Self::parse(&text, dockerfile)
            .map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, reason))
    }

    fn parse(text: &str, dockerfile: &str) -> Result<Self, String> {
        let mut patterns = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (pattern, exception) = match line.strip_prefix('!') {
                Some(rest) => (rest.trim(), true),
                None => (line, false),
            };
            let wrong = |_| format!("'{line}' in {FILE} is no pattern");
            let expression = Regex::new(&expression(&clean(pattern))).map_err(wrong)?;
            patterns.push((expression, exception));
        }
        let needed = [FILE.to_owned(), clean(dockerfile)];
        Ok(Self { patterns, needed })
    }

    /// Whether something that is left out may have something in it that is not.
    pub(super) fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|(_, exception)| *exception)
            || self.needed.iter().any(|needed| needed.contains('/'))
    }

    /// Whether a path of the context is left out.
    pub(super) fn leaves_out(&self, path: &Path) -> bool {
        let name = path.to_string_lossy();
        if self.needed.iter().any(|needed| *needed == name) {
            return false;
        }
        // What matches a directory matches everything in it.
        let matches = |pattern: &Regex| {
            let mut above = path
                .ancestors()
                .filter(|above| !above.as_os_str().is_empty());
            above.any(|above| pattern.is_match(&above.to_string_lossy()))
        };
        let last = self
            .patterns
            .iter()
            .rev()
            .find(|(pattern, _)| matches(pattern));
        last.is_some_and(|(_, exception)| !exception)
    }
}

/// A path without what says nothing: `./a//b/` is `a/b`.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A pattern as a regular expression.
fn expression(pattern: &str) -> String {
    let mut expression = "^".to_owned();
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '*' if letters.next_if_eq(&'*').is_some() => {
                if letters.next_if_eq(&'/').is_some() {
                    expression.push_str("(?:.*/)?");
                } else {
                    expression.push_str(".*");
                }
            }
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            '[' => {
                expression.push('[');
                for letter in letters.by_ref() {
                    expression.push(letter);
                    if letter == ']' {
                        break;
                    }
                }
            }
            '\\' => expression.push_str(&regex_lite::escape(
                &letters.next().unwrap_or('\\').to_string(),
            )),
            letter => expression.push_str(&regex_lite::escape(&letter.to_string())),
        }
    }
    expression + "$"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_docker_s() {
        let text = "# comment\n*.md\n!README.md\n**/*.log\nnode_modules/\n/build\ntemp?\n*/inner\nDockerfile\nsecret[0-9].txt\n\
                    .git\nkeep/**\n!keep/this\n";
        let ignored = Ignored::parse(text, "./Dockerfile").unwrap();
        let out = |path: &str| ignored.leaves_out(Path::new(path));
        for left in [
            "a.md",
            "x/y/z.log",
            "z.log",
            "node_modules",
            "node_modules/a/b.js",
            "build/x",
            "temp1",
            "a/inner",
            "secret7.txt",
            ".git/config",
            "keep/other",
        ] {
            assert!(out(left), "{left}");
        }
        for stays in [
            "README.md",
            "src/a.md",
            "src/node_modules",
            "src/build",
            "temp",
            "a/b/inner",
            "Dockerfile",
            ".dockerignore",
            "secretx.txt",
            "keep/this",
        ] {
            assert!(!out(stays), "{stays}");
        }
        assert!(ignored.has_exceptions());
        assert!(Ignored::parse("[", "Dockerfile").is_err());
    }
}
