//! Shows what became of an invocation: the answer on standard output, a word for people where there is none.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::value::RawValue;

use crate::exit::Exit;
use crate::lambda::event::Event;
use crate::lambda::{Body, BodyEnd, Events, Outcome, Output, RequestId};

/// How answers are shown.
pub(super) struct Answers<'a> {
    /// The function, for messages.
    pub(super) path: &'a str,
    /// Whether a function that failed is a failure of the program.
    pub(super) strict: bool,
    pub(super) output: Output,
    /// Whether more than one answer goes to the same place.
    pub(super) several: bool,
    pub(super) events: &'a Events,
}

impl Answers<'_> {
    /// Passes an outcome on to whoever shows it, and chooses the exit code.
    pub(super) async fn show(&self, id: &RequestId, outcome: Outcome) -> Exit {
        let exit = Exit::of(&outcome, self.strict);
        self.tell(&outcome);
        let status = status(&outcome);
        let body = match outcome {
            Outcome::Success(response) => Some(response.body),
            Outcome::Error(document) => Some(Body::Whole(document)),
            Outcome::Crashed(error) | Outcome::OutOfMemory(error) => {
                Some(Body::Whole(error.to_json()))
            }
            Outcome::TimedOut { error, .. } if self.output == Output::Json => {
                Some(Body::Whole(error.to_json()))
            }
            Outcome::TimedOut { .. } | Outcome::Lost(_) => None,
        };
        let end = match (self.output, body) {
            (Output::Text, None) => return exit,
            (Output::Text, Some(mut body)) => self.print(&mut body).await,
            (Output::Json, body) => self.print_line(id, status, body).await,
        };
        match end {
            BodyEnd::Complete => exit,
            BodyEnd::Failed(error) => {
                self.events
                    .note(format!("{}: {}", error.kind, error.message));
                if self.strict {
                    Exit::FunctionFailed
                } else {
                    exit
                }
            }
            BodyEnd::Ended(outcome) => {
                self.tell(&outcome);
                Exit::of(&outcome, self.strict)
            }
        }
    }

    /// Passes the chunks of an answer on, each when the one before has been written: a slow reader holds the function
    /// back.
    async fn print(&self, body: &mut Body) -> BodyEnd {
        let mut lines = false;
        let end = loop {
            match body.next().await {
                Ok(chunk) => {
                    lines |= chunk.contains(&b'\n');
                    self.events.send(Event::Answer(chunk));
                }
                Err(end) => break end,
            }
            if !self.events.written().await {
                // Whoever read the answer has read enough.
                return BodyEnd::Complete;
            }
        };
        if lines && self.several {
            let text =
                "an answer has line breaks, so the answers cannot be told apart; use --output json";
            self.events.warn(text);
        }
        self.events.send(Event::AnswerEnd);
        end
    }

    /// Prints an answer as a line of JSON.
    async fn print_line(&self, id: &RequestId, status: &str, body: Option<Body>) -> BodyEnd {
        let mut bytes = Vec::new();
        let mut end = BodyEnd::Complete;
        if let Some(mut body) = body {
            end = loop {
                match body.next().await {
                    Ok(chunk) => bytes.extend_from_slice(&chunk),
                    Err(end) => break end,
                }
            };
        }
        let line = line(id.as_str(), status, &bytes);
        self.events.send(Event::Answer(line.into()));
        self.events.written().await;
        end
    }

    /// Tells people of an outcome that is not the function's own word.
    fn tell(&self, outcome: &Outcome) {
        let (id, events) = (self.path, self.events);
        match outcome {
            Outcome::Success(_) | Outcome::Error(_) => {}
            Outcome::Crashed(error) => events.note(format!("{}: {}", error.kind, error.message)),
            Outcome::OutOfMemory(error) => {
                events.note(format!("{}: {}", error.kind, error.message));
                events.note("Error: Container invocation failed due to maximum memory usage");
            }
            Outcome::TimedOut { after, .. } => {
                let seconds = after.as_secs();
                events.note(format!("Function '{id}' timed out after {seconds} seconds"));
                events.note(format!("No response from invoke container for {id}"));
            }
            Outcome::Lost(reason) => {
                events.note(format!("Error: the sandbox of {id} is gone: {reason}"));
            }
        }
    }
}

fn status(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Success(_) => "success",
        Outcome::Error(_) => "error",
        Outcome::TimedOut { .. } => "timeout",
        Outcome::Crashed(_) => "crashed",
        Outcome::OutOfMemory(_) => "outOfMemory",
        Outcome::Lost(_) => "lost",
    }
}

/// A line of JSON. JSON in an answer stays as it is, numbers too; other text is a string, the rest base64.
fn line(id: &str, status: &str, payload: &[u8]) -> String {
    let (name, value) = if let Ok(text) = std::str::from_utf8(payload) {
        match serde_json::from_str::<&RawValue>(text) {
            // Line breaks in JSON are outside of its strings.
            Ok(json) => ("payload", json.get().replace(['\r', '\n'], " ")),
            Err(_) => ("payload", serde_json::Value::from(text).to_string()),
        }
    } else {
        let encoded = BASE64_STANDARD.encode(payload);
        (
            "payloadBase64",
            serde_json::Value::from(encoded).to_string(),
        )
    };
    format!("{{\"requestId\":\"{id}\",\"status\":\"{status}\",\"{name}\":{value}}}\n")
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn answers_of_any_kind_fit_into_a_line() {
        let of = |payload: &[u8]| line("1", "success", payload);
        let expected =
            |rest: &str| format!("{{\"requestId\":\"1\",\"status\":\"success\",{rest}}}\n");
        assert_eq!(
            of(b"{\"a\":\n 1.0e3}"),
            expected("\"payload\":{\"a\":  1.0e3}")
        );
        assert_eq!(of(b"a\nb"), expected("\"payload\":\"a\\nb\""));
        assert_eq!(of(b""), expected("\"payload\":\"\""));
        assert_eq!(of(b"\xff"), expected("\"payloadBase64\":\"/w==\""));
    }
}
