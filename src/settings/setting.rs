//! Values of configuration files, whichever of TOML and YAML they are in, with their places.

use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::template::{Kind, Node, read};

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting {
    pub(super) kind: Value,
    pub(super) range: Range<usize>,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Nothing,
    Text(String),
    /// A number, and whether it is written with a fraction.
    Number(String, bool),
    Flag(bool),
    List(Vec<Setting>),
    Map(Vec<(String, Setting)>),
}

/// Why a file is none: for people, and where.
pub(super) type Wrong = (String, Option<Range<usize>>);

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Toml,
    Yaml,
}

impl Format {
    /// The format that a file's name tells.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }

    pub(super) fn parse(self, text: &str) -> Result<Setting, Wrong> {
        match self {
            Self::Toml => {
                let document = DeTable::parse(text)
                    .map_err(|error| (error.message().trim().to_owned(), error.span()))?;
                let (range, table) = (document.span(), document.into_inner());
                let kind = Value::of_toml(&DeValue::Table(table));
                Ok(Setting { kind, range })
            }
            Self::Yaml => read(text)
                .map(|node| Setting::of_yaml(&node))
                .map_err(|error| (error.message, Some(error.span.range()))),
        }
    }
}

impl Setting {
    fn of_yaml(node: &Node) -> Self {
        let kind = match &node.kind {
            Kind::Null => Value::Nothing,
            Kind::Bool(value) => Value::Flag(*value),
            Kind::Number(text) => Value::Number(text.to_string(), text.contains(['.', 'e', 'n'])),
            Kind::String(text) => Value::Text(text.to_string()),
            Kind::List(items) => Value::List(items.iter().map(Self::of_yaml).collect()),
            Kind::Map(entries) => {
                let entry = |entry: &crate::template::Entry| {
                    (entry.key.to_string(), Self::of_yaml(&entry.value))
                };
                Value::Map(entries.iter().map(entry).collect())
            }
        };
        let range = node.span.range();
        Self { kind, range }
    }

    /// An entry of a map.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let entries = self.entries()?;
        let found = entries.iter().find(|(key, _)| key == name)?;
        Some(&found.1)
    }

    pub(super) fn entries(&self) -> Option<&[(String, Self)]> {
        match &self.kind {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(super) fn scalar(&self) -> Option<String> {
        match &self.kind {
            Value::Text(text) | Value::Number(text, _) => Some(text.clone()),
            Value::Flag(value) => Some(value.to_string()),
            Value::Nothing | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The text of a parameter's value, as SAM CLI makes it of a map's: truth values as Python writes them.
    pub(super) fn parameter(&self) -> String {
        match &self.kind {
            Value::Flag(true) => "True".to_owned(),
            Value::Flag(false) => "False".to_owned(),
            Value::List(items) => {
                let texts = items.iter().map(|item| item.parameter().trim().to_owned());
                let texts: Vec<_> = texts.filter(|text| !text.is_empty()).collect();
                texts.join(",")
            }
            _ => self.scalar().unwrap_or_default(),
        }
    }
}

impl Value {
    fn of_toml(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Boolean(value) => Self::Flag(*value),
            DeValue::Integer(number) => Self::Number(number.to_string(), false),
            DeValue::Float(number) => Self::Number(number.to_string(), true),
            DeValue::Datetime(moment) => Self::Text(moment.to_string()),
            DeValue::Array(items) => {
                let item = |item: &toml::Spanned<DeValue<'_>>| Setting {
                    kind: Self::of_toml(item.get_ref()),
                    range: item.span(),
                };
                Self::List(items.iter().map(item).collect())
            }
            DeValue::Table(table) => {
                let entries = table.iter().map(|(key, value)| {
                    let (kind, range) = (Self::of_toml(value.get_ref()), value.span());
                    (key.get_ref().to_string(), Setting { kind, range })
                });
                Self::Map(entries.collect())
            }
        }
    }
}
