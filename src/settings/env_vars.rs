//! The file of `--env-vars`: JSON with sections, or dotenv.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Config, SettingsError, existing, list};
use crate::cli::TemplateArgs;
use crate::env::Env;
use crate::function::Function;
use crate::function::variables::Overrides;

/// The section for all functions.
const COMMON: &str = "Parameters";

/// The values of `--env-file` and, over them, of `--env`.
pub(super) fn given(
    args: &TemplateArgs,
    config: &Config,
    env: &Env,
    warnings: &mut Vec<String>,
) -> Result<Overrides, SettingsError> {
    let files = if args.env_file.is_empty() {
        config
            .list("env_file")?
            .into_iter()
            .map(PathBuf::from)
            .collect()
    } else {
        args.env_file.clone()
    };
    let mut given = Vec::new();
    for path in files {
        let path = existing(Some(path), "'--env-file'", env)?.unwrap_or_default();
        let text = std::fs::read_to_string(&path).map_err(|source| SettingsError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let (variables, passed_over) = dotenv(text.trim_start_matches('\u{feff}'));
        warnings.extend(told(&path, &passed_over));
        given.extend(
            variables
                .iter()
                .map(|(name, value)| (name.clone(), text_of(value))),
        );
    }
    for text in list(&args.env, "env", config)? {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                given.push((name.to_owned(), Some(value.to_owned())));
            }
            None if !text.is_empty() => {
                match env.raw(&text).map(str::to_owned) {
                    Some(value) => given.push((text, Some(value))),
                    // What the shell does not have is left as it is.
                    None => warnings.push(format!("--env {text}: the shell has no such variable")),
                }
            }
            _ => {
                return Err(SettingsError::Usage(format!(
                    "Invalid value for '--env': '{text}' is neither NAME=VALUE nor NAME."
                )));
            }
        }
    }
    Ok(given)
}

/// The file's contents.
#[derive(Clone, Debug, Default)]
pub struct EnvVars {
    sections: Map<String, Value>,
    /// What was passed over, for people.
    pub warnings: Vec<String>,
}

impl EnvVars {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or is neither JSON nor dotenv.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path).map_err(|reason| SettingsError::EnvVars {
            path: path.display().to_string(),
            reason,
        })
    }

    fn parse(text: &str, path: &Path) -> Result<Self, String> {
        // A mark that some editors write; it would be part of the first name.
        let text = text.trim_start_matches('\u{feff}');
        match serde_json::from_str(text) {
            Ok(Value::Object(mut sections)) => {
                keep_numbers(&mut sections, text);
                Ok(Self {
                    sections,
                    warnings: Vec::new(),
                })
            }
            Ok(_) => Err("the file must hold a JSON object of sections".to_owned()),
            Err(error) => {
                let (variables, passed_over) = dotenv(text);
                if variables.is_empty() {
                    return Err(format!(
                        "file is not in valid JSON or .env format (as JSON: {error})"
                    ));
                }
                let sections = [(COMMON.to_owned(), Value::Object(variables))];
                Ok(Self {
                    sections: sections.into_iter().collect(),
                    warnings: told(path, &passed_over),
                })
            }
        }
    }

    /// The values for a function: those for all, then those of the first of its names that has any.
    ///
    /// # Errors
    /// A section that is no map.
    pub fn of(&self, function: &Function) -> Result<Overrides, SettingsError> {
        // A file without sections would be passed over whole.
        let flat = self.sections.iter().find(|(_, value)| !value.is_object());
        if let Some((name, _)) = flat {
            return Err(SettingsError::EnvVarsSection(name.clone()));
        }
        let mut overrides = self.section(COMMON)?;
        let id = function.path.rsplit('/').next().unwrap_or_default();
        for name in [&function.logical_id, id, &function.name, &function.path] {
            let own = self.section(name)?;
            if !own.is_empty() {
                overrides.extend(own);
                break;
            }
        }
        Ok(overrides)
    }

    /// The values for a function; of a file without sections, all of it.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn flat_or_of(&self, function: &Function) -> Result<Overrides, SettingsError> {
        if self.sections.values().any(Value::is_object) {
            return self.of(function);
        }
        let all = self.sections.iter();
        Ok(all
            .map(|(name, value)| (name.clone(), text_of(value)))
            .collect())
    }

    fn section(&self, name: &str) -> Result<Overrides, SettingsError> {
        match self.sections.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Object(variables)) => Ok(variables
                .iter()
                .map(|(name, value)| (name.clone(), text_of(value)))
                .collect()),
            Some(_) => Err(SettingsError::EnvVarsSection(name.to_owned())),
        }
    }
}

/// A value as a variable: null removes it, maps and lists are empty as in SAM CLI.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => Some(String::new()),
    }
}

/// Whole numbers too large for this machine's stay as they are written.
fn keep_numbers(sections: &mut Map<String, Value>, text: &str) {
    let raw: Result<BTreeMap<String, BTreeMap<String, &RawValue>>, _> = serde_json::from_str(text);
    for (section, values) in raw.unwrap_or_default() {
        for (name, raw) in values {
            let digits = raw.get().strip_prefix('-').unwrap_or(raw.get());
            if digits.bytes().all(|byte| byte.is_ascii_digit())
                && let Some(value) = sections
                    .get_mut(&section)
                    .and_then(|one| one.get_mut(&name))
                && value.is_f64()
            {
                *value = Value::String(raw.get().to_owned());
            }
        }
    }
}

/// What to say of lines that are no assignments; their text may be a secret.
fn told(path: &Path, lines: &[usize]) -> Vec<String> {
    let path = path.display();
    let told = lines
        .iter()
        .map(|line| format!("{path}:{line}: the line is no NAME=VALUE, and is passed over"));
    told.collect()
}

/// `NAME=value` lines, with `export`, quotes and comments; and the numbers of lines that are nothing of that.
fn dotenv(text: &str) -> (Map<String, Value>, Vec<usize>) {
    let (mut variables, mut passed_over) = (Map::new(), Vec::new());
    let mut rest = text;
    while !rest.is_empty() {
        let number = text[..text.len() - rest.len()].matches('\n').count() + 1;
        let (line, mut tail) = rest.split_once('\n').unwrap_or((rest, ""));
        let bare = line.trim();
        let bare = bare.strip_prefix("export ").unwrap_or(bare);
        if let Some((name, value)) = bare.split_once('=').filter(|_| !bare.starts_with('#')) {
            let name = name.trim();
            let (value, after) = dotenv_value(value.trim_start(), &rest[line.len()..]);
            tail = after.unwrap_or(tail);
            let valid =
                |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-');
            if !name.is_empty() && name.chars().all(valid) {
                variables.insert(name.to_owned(), Value::String(value));
            } else {
                passed_over.push(number);
            }
        } else if !bare.is_empty() && !bare.starts_with('#') {
            passed_over.push(number);
        }
        rest = tail;
    }
    (variables, passed_over)
}

/// A value, and what follows where it went on over several lines.
fn dotenv_value<'a>(value: &'a str, following: &'a str) -> (String, Option<&'a str>) {
    let quote = value
        .chars()
        .next()
        .filter(|first| matches!(first, '"' | '\''));
    let Some(quote) = quote else {
        let end = value.find(" #").unwrap_or(value.len());
        return (value[..end].trim_end().to_owned(), None);
    };
    let whole = format!("{}{following}", &value[1..]);
    let mut text = String::new();
    let mut letters = whole.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' if quote == '"' => match letters.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, other)) => text.push(other),
                None => text.push('\\'),
            },
            letter if letter == quote => {
                let consumed = at.saturating_sub(value.len() - 1);
                let after = following[consumed.min(following.len())..]
                    .split_once('\n')
                    .map(|(_, after)| after);
                return (text, (consumed > 0).then(|| after.unwrap_or("")));
            }
            letter => text.push(letter),
        }
    }
    // Never closed: the line as it is.
    (value.to_owned(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(text: &str) -> Vec<String> {
        let overrides = EnvVars::parse(text, Path::new("f"))
            .unwrap()
            .section(COMMON)
            .unwrap();
        overrides
            .into_iter()
            .map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or("<gone>")))
            .collect()
    }

    #[test]
    fn json_values_become_text() {
        let text = r#"{"Parameters": {"A": true, "B": 1.50, "C": null, "D": [1], "E": "x", "F": 12345678901234567890123}}"#;
        assert_eq!(
            common(text),
            [
                "A=true",
                "B=1.5",
                "C=<gone>",
                "D=",
                "E=x",
                "F=12345678901234567890123"
            ]
        );
        assert!(EnvVars::parse("[1]", Path::new("f")).is_err());
        assert!(EnvVars::parse("", Path::new("f")).is_err());
    }

    #[test]
    fn dotenv_has_quotes_comments_and_exports() {
        let text = "\u{feff}export A=1\n# c\nB = x # c\nC=\"a\\nb # c\"\nD='x y'\n\nE=\"two\nlines\"\nF=\nnonsense\n";
        assert_eq!(
            common(text),
            ["A=1", "B=x", "C=a\nb # c", "D=x y", "E=two\nlines", "F="]
        );
    }
}
