//! Shows what became of an invocation: the answer on standard output, a word for people where there is none.

use crate::exit::Exit;
use crate::lambda::event::{Answered, Event};
use crate::lambda::{Body, BodyEnd, Events, Outcome, Output, RequestId};

/// One word, and the category of an error.
type Status = (&'static str, Option<String>);

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
        let status = Self::status(&outcome);
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
            (Output::Json, body) => self.pass_on(id, status, body).await,
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

    /// Passes on the whole of an answer, for a line of JSON.
    async fn pass_on(&self, id: &RequestId, mut status: Status, body: Option<Body>) -> BodyEnd {
        let mut payload = Vec::new();
        let mut end = BodyEnd::Complete;
        if let Some(mut body) = body {
            end = loop {
                match body.next().await {
                    Ok(chunk) => payload.extend_from_slice(&chunk),
                    Err(end) => break end,
                }
            };
        }
        match &end {
            BodyEnd::Complete => {}
            BodyEnd::Failed(error) => status = ("error", Some(error.kind.clone())),
            BodyEnd::Ended(outcome) => status = Self::status(outcome),
        }
        self.events.send(Event::Answered(Answered {
            request_id: id.clone(),
            function: self.path.to_owned(),
            status: status.0,
            error_type: status.1,
            payload: payload.into(),
        }));
        end
    }

    /// How an invocation ended, in one word, and the category of its error.
    fn status(outcome: &Outcome) -> Status {
        let word = match outcome {
            Outcome::Success(_) => "success",
            Outcome::Error(_) => "error",
            Outcome::TimedOut { .. } => "timeout",
            Outcome::Crashed(_) => "crashed",
            Outcome::OutOfMemory(_) => "outOfMemory",
            Outcome::Lost(_) => "lost",
        };
        let kind = match outcome {
            Outcome::Error(document) => category(document),
            other => other.platform_error().map(|error| error.kind.clone()),
        };
        (word, kind)
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

/// What an error document says that it is.
fn category(document: &[u8]) -> Option<String> {
    let document: serde_json::Value = serde_json::from_slice(document).ok()?;
    document["errorType"].as_str().map(str::to_owned)
}
