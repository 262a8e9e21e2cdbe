//! In which form answers are printed.

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

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(format!("'{other}' is not one of 'text', 'json'.")),
        }
    }
}
