//! What became of an invocation. A function that fails is an outcome, never an error of this program.

use std::time::Duration;

use bytes::Bytes;

use super::Body;

/// How an invocation ended.
#[derive(Debug)]
#[expect(missing_docs, reason = "the docs of a variant name its fields")]
pub enum Outcome {
    /// The function answered.
    Success(Response),
    /// The function reported an error, in these words.
    Error(Bytes),
    /// The function, or its initialisation, took too long.
    TimedOut {
        error: FunctionError,
        after: Duration,
    },
    /// The runtime ended, or never started, without an answer.
    Crashed(FunctionError),
    /// The kernel killed the runtime because the sandbox was out of memory.
    OutOfMemory(FunctionError),
    /// The sandbox is gone, through no doing of the function; for people, why.
    Lost(String),
}

impl Outcome {
    /// The error document that the service would answer with, where the platform and not the function words it.
    #[must_use]
    pub fn platform_error(&self) -> Option<&FunctionError> {
        match self {
            Self::TimedOut { error, .. } | Self::Crashed(error) | Self::OutOfMemory(error) => {
                Some(error)
            }
            Self::Success(_) | Self::Error(_) | Self::Lost(_) => None,
        }
    }
}

/// A function's answer.
#[derive(Debug)]
pub struct Response {
    /// The answer's bytes, unchanged.
    pub body: Body,
    /// Media type that the runtime declared.
    pub content_type: Option<String>,
}

/// An error in the service's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// Category, such as `Runtime.ExitError`.
    pub kind: String,
    /// Text for people.
    pub message: String,
}

impl FunctionError {
    /// An error of a category.
    #[must_use]
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            message: message.into(),
        }
    }

    /// The JSON document with the service's order of keys.
    #[must_use]
    pub fn to_json(&self) -> Bytes {
        let document = serde_json::json!({ "errorType": self.kind, "errorMessage": self.message });
        document.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_document_has_the_type_first() {
        let error = FunctionError::new("Runtime.ExitError", "RequestId: 1 Error: \"x\"");
        let expected =
            r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 1 Error: \"x\""}"#;
        assert_eq!(error.to_json(), expected);
    }
}
