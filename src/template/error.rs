//! What is wrong with a template, and where.

use std::path::PathBuf;
use std::sync::Arc;

use super::node::Span;

/// Text that is neither JSON nor YAML.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// The parser's words.
    pub message: String,
    /// Where it stopped.
    pub span: Span,
    /// What to look for.
    pub hint: Option<String>,
}

impl SyntaxError {
    pub(super) fn new(message: impl Into<String>, span: Span) -> Self {
        Self {
            message: message.into(),
            span,
            hint: None,
        }
    }
}

/// A file and its text, for errors that show a line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Path as it is shown.
    pub path: PathBuf,
    /// Text.
    pub text: Arc<str>,
}

/// Something wrong at a place in a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What it is wrong with: a function and its property, a parameter, a nested stack.
    pub subject: String,
    /// The file.
    pub source_file: Source,
    /// The place; none for the file as a whole.
    pub span: Option<Span>,
    /// Words at the place.
    pub label: String,
    /// What to do.
    pub hint: Option<String>,
}
