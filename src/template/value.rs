//! A value after resolution. What cannot be resolved here is a value too: only the property that needs it suffers.

use super::node::{Span, quoted};

/// A resolved value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number, in the text that it has as a string.
    Number(String),
    /// Text.
    String(String),
    /// A sequence.
    List(Vec<Self>),
    /// A mapping, in its order.
    Map(Vec<(String, Self)>),
    /// A layer of the application.
    Layer(LayerRef),
    /// `AWS::NoValue`: the property is as if it were not there.
    NoValue,
    /// An intrinsic that only a deployed stack could resolve, or that is wrong.
    Unresolved(Unresolved),
}

/// Which layer is meant, in whatever stack it is.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerRef {
    /// Index of its stack.
    pub(super) stack: usize,
    /// Its name in the template.
    pub logical_id: String,
    /// What it is as text.
    pub arn: String,
}

/// Why a value could not be resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Unresolved {
    /// For people.
    pub reason: String,
    /// The intrinsic.
    pub span: Span,
    /// It leads to itself, which is never meant.
    pub cycle: bool,
}

impl Value {
    /// The text of a scalar, as it is spliced into other text.
    #[must_use]
    pub fn scalar_text(&self) -> Option<String> {
        match self {
            Self::Bool(value) => Some(value.to_string()),
            Self::Number(text) | Self::String(text) => Some(text.clone()),
            Self::Layer(layer) => Some(layer.arn.clone()),
            _ => None,
        }
    }

    /// The value as an environment variable: scalars as text, everything else empty, as SAM CLI has it.
    #[must_use]
    pub fn variable_text(&self) -> String {
        self.scalar_text().unwrap_or_default()
    }

    /// An entry of a map.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// The value as JSON without blanks, in its order.
    #[must_use]
    pub fn to_json(&self) -> String {
        match self {
            Self::Null | Self::NoValue | Self::Unresolved(_) => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(text) => text.clone(),
            Self::String(text) => quoted(text),
            Self::Layer(layer) => quoted(&layer.arn),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(Self::to_json).collect();
                format!("[{}]", items.join(","))
            }
            Self::Map(entries) => {
                let entry =
                    |(key, value): &(String, Self)| format!("{}:{}", quoted(key), value.to_json());
                let entries: Vec<_> = entries.iter().map(entry).collect();
                format!("{{{}}}", entries.join(","))
            }
        }
    }

    /// The first thing in the value that could not be resolved.
    #[must_use]
    pub fn unresolved(&self) -> Option<&Unresolved> {
        match self {
            Self::Unresolved(unresolved) => Some(unresolved),
            Self::List(items) => items.iter().find_map(Self::unresolved),
            Self::Map(entries) => entries.iter().find_map(|(_, value)| value.unresolved()),
            _ => None,
        }
    }
}
