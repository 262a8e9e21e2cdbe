//! A value after resolution. What cannot be resolved here is a value too: only the property that needs it suffers.

use super::node::Span;

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
    /// `AWS::NoValue`: the property is as if it were not there.
    NoValue,
    /// An intrinsic that only a deployed stack could resolve, or that is wrong.
    Unresolved(Unresolved),
}

/// Why a value could not be resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Unresolved {
    /// For people.
    pub reason: String,
    /// The intrinsic.
    pub span: Span,
}

impl Value {
    /// The text of a scalar, as it is spliced into other text.
    #[must_use]
    pub fn scalar_text(&self) -> Option<String> {
        match self {
            Self::Bool(value) => Some(value.to_string()),
            Self::Number(text) | Self::String(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// The value as an environment variable: scalars as text, everything else empty, as SAM CLI has it.
    #[must_use]
    pub fn variable_text(&self) -> String {
        self.scalar_text().unwrap_or_default()
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
