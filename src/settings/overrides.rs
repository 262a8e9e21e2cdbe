//! Values of parameters, from texts, lists, maps and the files that they name.

use std::path::{Path, PathBuf};

use super::SettingsError;
use super::setting::{Format, Setting, Value};
use crate::template::overrides::{self, ParsedOverrides};

const FILE: &str = "file://";
/// The key of a map that names more of the same.
const INCLUDE: &str = "$include";

/// Why something is no override.
#[derive(Debug)]
pub(super) enum Wrong {
    /// A text without an override in it.
    Token(String),
    /// A file that cannot be used, in SAM CLI's words.
    File(String),
}

impl From<Wrong> for SettingsError {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Token(token) => Self::override_format(&token),
            Wrong::File(text) => {
                Self::Usage(format!("Invalid value for '--parameter-overrides': {text}"))
            }
        }
    }
}

/// Gathers overrides; a later one replaces an earlier one.
pub(super) struct Gathered {
    pub(super) parsed: ParsedOverrides,
    /// Files that are being read, the innermost last.
    reading: Vec<PathBuf>,
    directory: PathBuf,
}

impl Gathered {
    /// Nothing yet; paths are relative to the directory.
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            parsed: ParsedOverrides::default(),
            reading: Vec::new(),
            directory: directory.to_owned(),
        }
    }

    /// Adds the texts of a command line.
    pub(super) fn tokens(&mut self, tokens: &[String]) -> Result<(), Wrong> {
        let mut texts: Vec<&str> = Vec::new();
        for token in tokens {
            match token.trim().strip_prefix(FILE) {
                Some(path) => {
                    self.texts(&std::mem::take(&mut texts))?;
                    self.file(path)?;
                }
                None => texts.push(token),
            }
        }
        self.texts(&texts)
    }

    fn texts(&mut self, texts: &[&str]) -> Result<(), Wrong> {
        let more = overrides::parse(texts.iter().copied()).map_err(Wrong::Token)?;
        self.parsed.values.extend(more.values);
        self.parsed.ignored.extend(more.ignored);
        Ok(())
    }

    /// Adds a value of a configuration file: text, a map, or a list of either.
    pub(super) fn setting(&mut self, setting: &Setting) -> Result<(), Wrong> {
        match &setting.kind {
            Value::List(items) => items.iter().try_for_each(|item| self.setting(item)),
            Value::Map(entries) => {
                for (name, value) in entries {
                    if name == INCLUDE {
                        self.setting(value)?;
                    } else {
                        let value = value.parameter();
                        self.parsed.values.insert(name.clone(), value);
                    }
                }
                Ok(())
            }
            _ => self.tokens(&[setting.scalar().unwrap_or_default()]),
        }
    }

    fn file(&mut self, name: &str) -> Result<(), Wrong> {
        let directory = self.reading.last().and_then(|path| path.parent());
        let path = directory.unwrap_or(&self.directory).join(name);
        let path = std::fs::canonicalize(&path).unwrap_or(path);
        let wrong = |text: String| Err(Wrong::File(text));
        if self.reading.contains(&path) {
            let shown = path.display();
            return wrong(format!(
                "Infinite recursion detected in file references: {shown}"
            ));
        }
        if !path.is_file() {
            return wrong(format!("{FILE}{name} was not found or is a directory"));
        }
        let Some(format) = Format::of(&path) else {
            return wrong(format!("{FILE}{name} uses an unsupported extension"));
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => return wrong(format!("{FILE}{name} cannot be read: {error}")),
        };
        match format.parse(&text) {
            Ok(setting) => {
                self.reading.push(path);
                self.setting(&setting)?;
                self.reading.pop();
                Ok(())
            }
            Err((message, range)) => {
                let before = range.map_or(0, |range| range.start.min(text.len()));
                let line = text.as_bytes()[..before]
                    .iter()
                    .filter(|byte| **byte == b'\n');
                wrong(format!(
                    "{FILE}{name}, line {}: {message}",
                    line.count() + 1
                ))
            }
        }
    }
}
