//! `samconfig.toml`: `[{environment}.global.parameters]` with `[{environment}.{command}.parameters]` over it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::SettingsError;
use crate::template::overrides::{self, ParsedOverrides};
use crate::template::{Problem, Source, Span};

const NAME: &str = "samconfig.toml";

/// The parameters of one command in one environment.
#[derive(Debug, Default)]
pub struct Config {
    source: Option<Source>,
    values: BTreeMap<String, (Setting, Range<usize>)>,
}

/// A value of the file.
#[derive(Clone, Debug, PartialEq)]
enum Setting {
    Text(String),
    Number(String),
    Flag(bool),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
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
        command: &str,
    ) -> Result<Self, SettingsError> {
        let path = directory.join(named.unwrap_or(Path::new(NAME)));
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(path, &text, environment, command),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => match named {
                Some(name) if name != Path::new(NAME) => {
                    Err(SettingsError::NoConfig(name.display().to_string()))
                }
                _ => Ok(Self::default()),
            },
            Err(source) => Err(SettingsError::Unreadable { path, source }),
        }
    }

    fn parse(
        path: PathBuf,
        text: &str,
        environment: &str,
        command: &str,
    ) -> Result<Self, SettingsError> {
        let source = Source {
            path,
            text: text.into(),
        };
        let problem = |message: &str, range: Option<Range<usize>>, hint: &str| {
            problem(&source, message, range, hint)
        };
        let document = DeTable::parse(text).map_err(|error| {
            problem(
                error.message().trim(),
                error.span(),
                "the file must be valid TOML",
            )
        })?;
        let root = document.get_ref();
        if root.is_empty() {
            return Ok(Self::default());
        }
        match root.get("version") {
            Some(version) if matches!(version.get_ref(), DeValue::Float(_)) => {}
            version => {
                let text = "'version' key is not present or is in unrecognized format.";
                return Err(problem(
                    text,
                    version.map(Spanned::span),
                    "add `version = 0.1` at the top",
                ));
            }
        }
        let mut values = BTreeMap::new();
        for section in ["global", command] {
            let table = [environment, section, "parameters"]
                .iter()
                .try_fold(root, |table, name| table.get(*name)?.get_ref().as_table());
            for (key, value) in table.into_iter().flatten() {
                values.insert(
                    key.get_ref().to_string(),
                    (setting(value.get_ref()), value.span()),
                );
            }
        }
        Ok(Self {
            source: Some(source),
            values,
        })
    }

    fn wrong(&self, key: &str, range: &Range<usize>, wanted: &str) -> SettingsError {
        let source = self.source.clone().unwrap_or_else(|| Source {
            path: PathBuf::from(NAME),
            text: "".into(),
        });
        problem(
            &source,
            &format!("'{key}' must be {wanted}"),
            Some(range.clone()),
            "",
        )
    }

    /// A value as text.
    ///
    /// # Errors
    /// It is a list or a map.
    pub fn text(&self, key: &str) -> Result<Option<String>, SettingsError> {
        match self.values.get(key) {
            None => Ok(None),
            Some((Setting::Text(text) | Setting::Number(text), _)) => Ok(Some(text.clone())),
            Some((Setting::Flag(value), _)) => Ok(Some(value.to_string())),
            Some((_, range)) => Err(self.wrong(key, range, "text")),
        }
    }

    /// A value as yes or no; no where it is not given.
    ///
    /// # Errors
    /// It is neither.
    pub fn flag(&self, key: &str) -> Result<bool, SettingsError> {
        match self.values.get(key) {
            None => Ok(false),
            Some((Setting::Flag(value), _)) => Ok(*value),
            Some((Setting::Text(text), range)) => {
                boolean(text).ok_or_else(|| self.wrong(key, range, "true or false"))
            }
            Some((_, range)) => Err(self.wrong(key, range, "true or false")),
        }
    }

    /// A value as a list; one value is a list of one.
    ///
    /// # Errors
    /// It holds something that is not text.
    pub fn list(&self, key: &str) -> Result<Vec<String>, SettingsError> {
        match self.values.get(key) {
            None => Ok(Vec::new()),
            Some((Setting::List(items), range)) => {
                let texts = items.iter().map(Setting::scalar);
                texts
                    .collect::<Option<_>>()
                    .ok_or_else(|| self.wrong(key, range, "a list of texts"))
            }
            Some(_) => Ok(self.text(key)?.into_iter().collect()),
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
    /// Text without an override in it.
    pub fn overrides(&self) -> Result<ParsedOverrides, SettingsError> {
        let mut parsed = ParsedOverrides::default();
        if let Some((setting, range)) = self.values.get("parameter_overrides") {
            collect_overrides(setting, &mut parsed).map_err(|token| {
                self.wrong(
                    "parameter_overrides",
                    range,
                    &format!("overrides; '{token}' is none"),
                )
            })?;
        }
        Ok(parsed)
    }
}

fn collect_overrides(setting: &Setting, parsed: &mut ParsedOverrides) -> Result<(), String> {
    match setting {
        Setting::List(items) => items
            .iter()
            .try_for_each(|item| collect_overrides(item, parsed))?,
        Setting::Map(entries) => {
            parsed.values.extend(
                entries
                    .iter()
                    .map(|(name, value)| (name.clone(), value.parameter())),
            );
        }
        scalar => {
            let text = scalar.scalar().unwrap_or_default();
            let more = overrides::parse([text.as_str()])?;
            parsed.values.extend(more.values);
            parsed.ignored.extend(more.ignored);
        }
    }
    Ok(())
}

impl Setting {
    fn scalar(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text.clone()),
            Self::Flag(value) => Some(value.to_string()),
            Self::List(_) | Self::Map(_) => None,
        }
    }

    /// The text of a parameter's value, as SAM CLI makes it of a map's: truth values as Python writes them.
    fn parameter(&self) -> String {
        match self {
            Self::Flag(true) => "True".to_owned(),
            Self::Flag(false) => "False".to_owned(),
            Self::List(items) => {
                let texts = items.iter().map(|item| item.parameter().trim().to_owned());
                texts
                    .filter(|text| !text.is_empty())
                    .collect::<Vec<_>>()
                    .join(",")
            }
            other => other.scalar().unwrap_or_default(),
        }
    }
}

fn setting(value: &DeValue<'_>) -> Setting {
    match value {
        DeValue::String(text) => Setting::Text(text.to_string()),
        DeValue::Boolean(value) => Setting::Flag(*value),
        DeValue::Integer(number) => Setting::Number(number.to_string()),
        DeValue::Float(number) => Setting::Number(number.to_string()),
        DeValue::Datetime(moment) => Setting::Text(moment.to_string()),
        DeValue::Array(items) => {
            Setting::List(items.iter().map(|item| setting(item.get_ref())).collect())
        }
        DeValue::Table(table) => Setting::Map(
            table
                .iter()
                .map(|(key, value)| (key.get_ref().to_string(), setting(value.get_ref())))
                .collect(),
        ),
    }
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
            start: range.start,
            end: range.end,
            line,
            column,
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
        Config::parse("samconfig.toml".into(), text, "default", "local_invoke")
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
            let parsed = config(&text).unwrap().overrides().unwrap();
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
