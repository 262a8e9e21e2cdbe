//! `samconfig.toml`, `.yaml` or `.yml`: `{environment}.global.parameters` with `{environment}.{command}.parameters` over it.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::SettingsError;
use super::overrides::{Gathered, Wrong};
use super::setting::{Format, Setting, Value};
use crate::near;
use crate::template::overrides::ParsedOverrides;
use crate::template::{Problem, Source, Span};

/// The environment that is read when none is named.
pub(super) const DEFAULT: &str = "default";
/// Where the file is looked for, the first that is there counts.
pub(super) const NAMES: [&str; 3] = ["samconfig.toml", "samconfig.yaml", "samconfig.yml"];

/// The parameters of one command in one environment.
#[derive(Debug, Default)]
pub struct Config {
    source: Option<Source>,
    values: BTreeMap<String, Setting>,
    /// What there is to say of the file, for people.
    pub notes: Vec<String>,
}

/// A word for true or false, in any of the spellings that the command line takes.
#[must_use]
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

impl Config {
    /// Reads the file that is named, or the usual one where there is one.
    ///
    /// # Errors
    /// The named file is not there, or the file is not what it should be.
    pub fn load(
        named: Option<&Path>,
        directory: &Path,
        environment: &str,
        (command, keys): (&str, fn() -> Vec<String>),
    ) -> Result<Self, SettingsError> {
        let usual: Vec<_> = NAMES
            .iter()
            .filter(|name| directory.join(name).exists())
            .collect();
        let path = match (named, usual.first()) {
            (Some(name), _) => directory.join(name),
            (None, Some(name)) => directory.join(name),
            (None, None) => return Ok(Self::default()),
        };
        if path.is_dir() {
            let name = named.unwrap_or(&path).display().to_string();
            return Err(SettingsError::NoConfig(name));
        }
        let Some(format) = Format::of(&path).or_else(|| is_pipe(&path).then_some(Format::Toml))
        else {
            return Err(SettingsError::ConfigFormat(path));
        };
        let mut config = match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse((path, format), &text, environment, (command, keys))?,
            Err(error) if error.kind() == ErrorKind::NotFound => match named {
                Some(name) if name != Path::new(NAMES[0]) => {
                    return Err(SettingsError::NoConfig(name.display().to_string()));
                }
                _ => Self::default(),
            },
            Err(source) => return Err(SettingsError::Unreadable { path, source }),
        };
        let choice = usual.first().filter(|_| named.is_none() && usual.len() > 1).map(|name| {
            format!(
                "More than one samconfig file found; using {name}. To use another config file, please specify it using \
                 the '--config-file' flag."
            )
        });
        config.notes.extend(choice);
        Ok(config)
    }

    fn parse(
        (path, format): (PathBuf, Format),
        text: &str,
        environment: &str,
        (command, keys): (&str, fn() -> Vec<String>),
    ) -> Result<Self, SettingsError> {
        // A mark that some editors write is no part of the text that places count in.
        let text = text.trim_start_matches('\u{feff}');
        let source = Source {
            path,
            text: text.into(),
        };
        let root = format.parse(text).map_err(|(message, range)| {
            let hint = match format {
                Format::Toml => "the file must be valid TOML",
                Format::Yaml => "the file must be valid YAML",
            };
            problem(&source, &message, range, hint)
        })?;
        let empty = root.entries().is_some_and(<[_]>::is_empty) || root.kind == Value::Nothing;
        if empty {
            return Ok(Self::default());
        }
        match root.get("version") {
            Some(version) if matches!(version.kind, Value::Number(_, true)) => {}
            version => {
                let text = "'version' key is not present or is in unrecognized format.";
                let range = version.map(|version| version.range.clone());
                let hint = match format {
                    Format::Toml => "add `version = 0.1` at the top",
                    Format::Yaml => "add `version: 0.1` at the top",
                };
                return Err(problem(&source, text, range, hint));
            }
        }
        let (mut notes, keys) = (Vec::new(), keys());
        let others = root
            .entries()
            .unwrap_or_default()
            .iter()
            .map(|(name, _)| name);
        let others: Vec<_> = others.filter(|name| *name != "version").collect();
        if root.get(environment).is_none() && environment != DEFAULT {
            let (path, others) = (source.path.display(), joined(&others));
            notes.push(format!(
                "{path} has no environment '{environment}', only {others}"
            ));
        }
        notes.extend(misplaced(&source, &root, environment, command));
        let mut values = BTreeMap::new();
        for section in ["global", command] {
            let entries = parameters(&source, &root, [environment, section, "parameters"])?;
            // What is for every command may be for another one.
            if section == command {
                notes.extend(unknown_keys(&source, entries, &keys));
            }
            values.extend(entries.iter().cloned());
        }
        Ok(Self {
            source: Some(source),
            values,
            notes,
        })
    }

    fn wrong(&self, key: &str, setting: &Setting, wanted: &str) -> SettingsError {
        let source = self.source.clone().unwrap_or_else(|| Source {
            path: PathBuf::from(NAMES[0]),
            text: "".into(),
        });
        let range = Some(setting.range.clone());
        problem(&source, &format!("'{key}' must be {wanted}"), range, "")
    }

    /// A value as text.
    ///
    /// # Errors
    /// It is a list or a map.
    pub fn text(&self, key: &str) -> Result<Option<String>, SettingsError> {
        match self.values.get(key) {
            None => Ok(None),
            Some(setting) if setting.kind == Value::Nothing => Ok(None),
            Some(setting) => match setting.scalar() {
                Some(text) => Ok(Some(text)),
                None => Err(self.wrong(key, setting, "text")),
            },
        }
    }

    /// A value as yes or no; no where it is not given.
    ///
    /// # Errors
    /// It is neither.
    pub fn flag(&self, key: &str) -> Result<bool, SettingsError> {
        let Some(setting) = self.values.get(key) else {
            return Ok(false);
        };
        let flag = match &setting.kind {
            Value::Nothing => Some(false),
            Value::Flag(value) => Some(*value),
            Value::Text(text) | Value::Number(text, _) => boolean(text),
            Value::List(_) | Value::Map(_) => None,
        };
        flag.ok_or_else(|| self.wrong(key, setting, "true or false"))
    }

    /// A value as a list; one value is a list of one.
    ///
    /// # Errors
    /// It holds something that is not text.
    pub fn list(&self, key: &str) -> Result<Vec<String>, SettingsError> {
        match self.values.get(key) {
            None => Ok(Vec::new()),
            Some(setting) => match &setting.kind {
                Value::List(items) => {
                    let texts: Option<_> = items.iter().map(Setting::scalar).collect();
                    texts.ok_or_else(|| self.wrong(key, setting, "a list of texts"))
                }
                _ => Ok(self.text(key)?.into_iter().collect()),
            },
        }
    }

    /// The template: under either name of the option.
    ///
    /// # Errors
    /// It is not text.
    pub fn template(&self) -> Result<Option<String>, SettingsError> {
        Ok(self.text("template_file")?.or(self.text("template")?))
    }

    /// Values of parameters: text as on the command line, a list of such texts, or a map.
    ///
    /// # Errors
    /// Text without an override in it, or a file that cannot be used.
    pub fn overrides(&self, directory: &Path) -> Result<ParsedOverrides, SettingsError> {
        let key = "parameter_overrides";
        let mut gathered = Gathered::new(directory);
        if let Some(setting) = self.values.get(key) {
            gathered.setting(setting).map_err(|wrong| match wrong {
                Wrong::Token(token) => {
                    self.wrong(key, setting, &format!("overrides; '{token}' is none"))
                }
                Wrong::File(text) => self.wrong(key, setting, &format!("overrides; {text}")),
            })?;
        }
        Ok(gathered.parsed)
    }
}

/// What to say of settings that are where no command looks for them.
fn misplaced(source: &Source, root: &Setting, environment: &str, command: &str) -> Vec<String> {
    let place = format!("[{environment}.{command}.parameters]");
    let mut notes = Vec::new();
    let mut note = |setting: &Setting, what: String| {
        let line = line_of(source, setting);
        let path = source.path.display();
        notes.push(format!(
            "{path}:{line}: {what}; settings belong below {place}"
        ));
    };
    let tables = root.entries().unwrap_or_default();
    let is_table = |setting: &Setting| setting.entries().is_some();
    for (name, setting) in tables.iter().filter(|(name, _)| name != "version") {
        if !is_table(setting) {
            note(setting, format!("'{name}' is in no section"));
        } else if root.get(environment).is_none() && near::name(name, [environment]).is_some() {
            note(
                setting,
                format!("there is no environment '{environment}', but '{name}'"),
            );
        } else if ["global", command].contains(&name.as_str()) {
            note(setting, format!("'{name}' is below no environment"));
        }
    }
    let sections = root.get(environment).and_then(Setting::entries);
    for (name, setting) in sections.unwrap_or_default() {
        let whole = setting.get("parameters").is_some();
        let spelled = name.replace('-', "_");
        let similar =
            command.ends_with(&spelled) || near::name(&spelled, ["global", command]).is_some();
        if !is_table(setting) || (name == "parameters" && !whole) {
            note(
                setting,
                format!("'{environment}.{name}' is no section of a command"),
            );
        } else if ["global", command].contains(&name.as_str()) {
            for (key, inner) in setting.entries().unwrap_or_default() {
                if key != "parameters" {
                    note(
                        inner,
                        format!("'{environment}.{name}.{key}' is not below 'parameters'"),
                    );
                }
            }
        } else if similar {
            note(
                setting,
                format!("'{environment}.{name}' is no section of this command"),
            );
        }
    }
    notes
}

fn line_of(source: &Source, setting: &Setting) -> usize {
    let before = &source.text[..setting.range.start.min(source.text.len())];
    before.matches('\n').count() + 1
}

/// The entries of a table that is named by the tables around it; none where one of them is not there.
fn parameters<'a>(
    source: &Source,
    root: &'a Setting,
    names: [&str; 3],
) -> Result<&'a [(String, Setting)], SettingsError> {
    let mut table = root;
    for (depth, name) in names.iter().enumerate() {
        match table.get(name) {
            None => return Ok(&[]),
            Some(below) if below.entries().is_none() && below.kind != Value::Nothing => {
                let name = names[..=depth].join(".");
                let text = format!("'{name}' must be a table");
                return Err(problem(source, &text, Some(below.range.clone()), ""));
            }
            Some(below) => table = below,
        }
    }
    Ok(table.entries().unwrap_or_default())
}

/// What to say of the keys that mean nothing, in the file's order.
fn unknown_keys(source: &Source, entries: &[(String, Setting)], keys: &[String]) -> Vec<String> {
    let mut unknown: Vec<_> = entries
        .iter()
        .filter(|(key, _)| !keys.contains(key))
        .collect();
    unknown.sort_by_key(|(_, setting)| setting.range.start);
    let told = unknown
        .into_iter()
        .map(|(key, setting)| unknown_key(source, (key, setting), keys));
    told.collect()
}

/// What to say of a key that means nothing.
fn unknown_key(source: &Source, (key, setting): (&str, &Setting), keys: &[String]) -> String {
    let line = line_of(source, setting);
    let spelled = key.replace('-', "_");
    let near = near::name(&spelled, keys.iter().map(String::as_str));
    let near = near.map_or_else(String::new, |known| format!("; did you mean '{known}'?"));
    format!(
        "{}:{line}: '{key}' is no setting of this command{near}",
        source.path.display()
    )
}

fn joined(names: &[&String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    quoted.join(", ")
}

/// A pipe has no name that tells its format.
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
}

fn problem(
    source: &Source,
    message: &str,
    range: Option<Range<usize>>,
    hint: &str,
) -> SettingsError {
    let span = range.map(|range| {
        let before = &source.text[..range.start.min(source.text.len())];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let (line, column) = (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        );
        Span {
            start: range.start as u32,
            end: range.end as u32,
            line: line as u32,
            column: column as u32,
            file: 0,
        }
    });
    SettingsError::Config(Box::new(Problem {
        message: format!("{}: {message}", source.path.display()),
        source_file: source.clone(),
        subject: String::new(),
        span,
        label: String::new(),
        hint: (!hint.is_empty()).then(|| hint.to_owned()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<Config, SettingsError> {
        Config::parse(
            ("samconfig.toml".into(), Format::Toml),
            text,
            "default",
            ("local_invoke", Vec::new),
        )
    }

    #[test]
    fn the_command_s_section_lies_over_the_global_one() {
        let text = "version = 0.1\n[default.global.parameters]\nregion = 'eu-west-1'\nevent = 'a'\n\
                    [default.local_invoke.parameters]\nevent = 'b'\nskip_pull_image = 'yes'\n[other.global.parameters]\nx = 1\n";
        let config = config(text).unwrap();
        assert_eq!(config.text("region").unwrap().as_deref(), Some("eu-west-1"));
        assert_eq!(config.text("event").unwrap().as_deref(), Some("b"));
        assert!(config.flag("skip_pull_image").unwrap());
        assert_eq!(config.text("x").unwrap(), None);
    }

    #[test]
    fn overrides_come_in_three_forms() {
        let overrides = |value: &str| {
            let text = format!(
                "version = 0.1\n[default.local_invoke.parameters]\nparameter_overrides = {value}\n"
            );
            let parsed = config(&text).unwrap().overrides(Path::new("/")).unwrap();
            parsed
                .values
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(overrides("'A=1 B=2'"), "A=1 B=2");
        assert_eq!(
            overrides("['A=1', {B = true, C = ['x', ' y']}]"),
            "A=1 B=True C=x,y"
        );
        assert_eq!(overrides("{A = 1}"), "A=1");
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        let place = |text: &str| match config(text).map(|config| config.flag("debug")) {
            Err(SettingsError::Config(problem)) | Ok(Err(SettingsError::Config(problem))) => {
                problem.span.map(|span| (span.line, span.column))
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(place("version = 0.1\n[x\n").map(|(line, _)| line), Some(2));
        assert_eq!(place("version = '0.1'\n"), Some((1, 11)));
        assert_eq!(place("[default]\n"), None);
        assert_eq!(
            place("version = 0.1\n[default.global.parameters]\ndebug = 'x'\n"),
            Some((3, 9))
        );
    }
}
