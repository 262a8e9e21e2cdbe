//! One request to run a function.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::time::Instant;

use super::{RequestId, TraceId};

/// An event on its way to a function, and what goes with it.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The id that the function sees.
    pub request_id: RequestId,
    /// The event, as the caller wrote it.
    pub payload: Bytes,
    /// Media type of the event.
    pub content_type: String,
    /// Client context as JSON text, where the caller gave one.
    pub client_context: Option<String>,
    /// Tenant, for a function that keeps them apart.
    pub tenant_id: Option<String>,
    /// Cognito identity as JSON text, where the caller has one.
    pub cognito_identity: Option<String>,
    /// Version or alias that the function is invoked by.
    pub qualifier: Option<String>,
    /// Trace header.
    pub trace_id: TraceId,
}

impl Invocation {
    /// An invocation with a JSON event and new ids.
    #[must_use]
    pub fn json(payload: Bytes) -> Self {
        Self {
            request_id: RequestId::random(),
            payload,
            content_type: "application/json".to_owned(),
            client_context: None,
            cognito_identity: None,
            tenant_id: None,
            qualifier: None,
            trace_id: TraceId::random(false),
        }
    }
}

/// A JSON object as a header can hold it. Line breaks in JSON are outside of its strings; of other letters than ASCII's
/// runtimes read headers in different ways, so they are escaped. None for anything else.
#[must_use]
pub fn one_line(text: &str) -> Option<String> {
    let _: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\r' | '\n' => line.push(' '),
            letter if letter.is_ascii() => line.push(letter),
            letter => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    let _ = write!(line, "\\u{unit:04x}");
                }
            }
        }
    }
    Some(line)
}

/// When a function must have answered.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// The moment on the clock that never steps.
    pub at: Instant,
    /// The same moment in milliseconds of Unix time, as functions are told.
    pub unix_millis: u64,
}

impl Deadline {
    /// The moment this far from now.
    #[must_use]
    pub fn after(timeout: Duration) -> Self {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            + timeout;
        Self {
            at: Instant::now() + timeout,
            unix_millis: unix.as_millis().try_into().unwrap_or(u64::MAX),
        }
    }
}
