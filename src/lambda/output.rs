//! In which form answers and logs are shown.

use std::str::FromStr;

/// A form of answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// The bytes that the function answered with.
    #[default]
    Text,
    /// A line of JSON for each invocation.
    Json,
}

/// A form of everything that is not the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines as they are.
    #[default]
    Text,
    /// Each line an object of JSON, in the form of Lambda's Telemetry API.
    Json,
}

/// The choice that a word names.
///
/// # Errors
/// There is no such choice; in the words of the command line.
pub fn choose<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(word, _)| *word == text);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let words = choices.iter().map(|(word, _)| format!("'{word}'"));
        let words = words.collect::<Vec<_>>().join(", ");
        format!("'{text}' is not one of {words}.")
    })
}

impl Output {
    /// The words for them.
    pub const CHOICES: &'static [(&'static str, Self)] =
        &[("text", Self::Text), ("json", Self::Json)];
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        choose(text, Self::CHOICES)
    }
}

impl LogFormat {
    /// The words for them.
    pub const CHOICES: &'static [(&'static str, Self)] =
        &[("text", Self::Text), ("json", Self::Json)];
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        choose(text, Self::CHOICES)
    }
}
