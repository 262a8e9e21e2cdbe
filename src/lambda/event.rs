//! What the core tells of its work. One stream of events feeds terminal, log file and tests.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::{RequestId, TraceId};

/// Something that happened.
#[derive(Debug)]
#[expect(missing_docs, reason = "the docs of a variant name its fields")]
pub enum Event {
    /// A line for people.
    Note(String),
    /// Something is not as it should be, and the run goes on.
    Warning(String),
    /// What ends the run.
    Error(String),
    /// An image is being pulled.
    Pull(Pull),
    /// Output of a process in the sandbox, as it was written; `source` tells its streams from each other.
    Log { source: u64, bytes: Bytes },
    /// The form of the platform's lines from now on.
    Logs(PlatformLogs),
    /// A runtime's process is started.
    InitStarted(Init),
    /// The runtime asked for work, or did not get as far as that.
    InitEnded(InitEnd),
    /// The event is with the runtime.
    Started { request_id: RequestId },
    /// The invocation is over.
    Finished(Report),
    /// Bytes of the answer.
    Answer(Bytes),
    /// The answer is whole.
    AnswerEnd,
    /// The whole of an answer, for whoever reads one line of JSON for each invocation.
    Answered(Answered),
    /// Everything before this has been written when this is answered; false when the answer has no reader any more.
    Written(oneshot::Sender<bool>),
    /// The last event. Everything has been written when this is answered, with what became of the answer.
    Flush(oneshot::Sender<io::Result<()>>),
}

/// An answer, and what became of its invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The invocation.
    pub request_id: RequestId,
    /// The function, with the stacks above it.
    pub function: String,
    /// How it ended, in one word.
    pub status: &'static str,
    /// Category of the error, where it is one and names it.
    pub error_type: Option<String>,
    /// The answer's bytes.
    pub payload: Bytes,
}

/// The form of the platform's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformLogs {
    /// Text.
    Text,
    /// Lines of JSON, from this level on.
    Json(LogLevel),
}

/// How much of the platform's doings is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they name themselves")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
}

/// Progress of a pull.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the docs of a variant name its fields")]
pub enum Pull {
    /// It begins; `what` is the word for it.
    Started { what: String, image: String },
    /// A layer moves on; sizes are in bytes, where they are known.
    Layer {
        id: String,
        status: String,
        current: Option<u64>,
        total: Option<u64>,
    },
    /// The image is here; `what` is the word for it.
    Done { what: String, image: String },
    /// It failed or was given up.
    Failed,
}

/// What a sandbox is initialised for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Init {
    /// The runtime, as functions name it.
    pub runtime: String,
    /// The image that it runs on.
    pub image: String,
    /// Name of the function in the service.
    pub function: String,
    /// How the sandbox comes to be, in the service's words.
    pub initialization: &'static str,
}

/// An initialisation that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct InitEnd {
    /// What it was for.
    pub init: Init,
    /// How long it took.
    pub duration: Duration,
    /// Whether it was part of an invocation's own time.
    pub again: bool,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

/// The figures of one invocation.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The invocation.
    pub request_id: RequestId,
    /// Delivery to answer.
    pub duration: Duration,
    /// Start of the runtime to its first request for work, where this invocation waited for it.
    pub init: Option<Duration>,
    /// Configured memory in MB.
    pub memory_size: u64,
    /// Peak memory in bytes, where it could be measured.
    pub peak_memory: Option<u64>,
    /// Set when the platform ended the invocation.
    pub failure: Option<Failure>,
    /// The trace, where it is sampled.
    pub trace: Option<TraceId>,
}

/// Why the platform ended an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The time was up.
    Timeout,
    /// An error of this category.
    Error(String),
}

/// The end that events are sent to. Sending never waits: a function's output carries its own credit, and whoever sends
/// an answer in many parts waits for each with [`written`](Self::written).
#[derive(Clone, Debug)]
pub struct Events(mpsc::UnboundedSender<Event>);

impl Events {
    /// A stream of events.
    #[must_use]
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (event_tx, event_rx) = mpsc::unbounded_channel();
        (Self(event_tx), event_rx)
    }

    /// Sends an event. It is lost when nobody listens any more.
    pub fn send(&self, event: Event) {
        let _ = self.0.send(event);
    }

    /// Waits until everything that was sent has been written. False when the answer has no reader any more.
    pub async fn written(&self) -> bool {
        let (written_tx, written_rx) = oneshot::channel();
        self.send(Event::Written(written_tx));
        written_rx.await.unwrap_or(false)
    }

    /// Sends a line for people.
    pub fn note(&self, text: impl Into<String>) {
        self.send(Event::Note(text.into()));
    }

    /// Sends a warning.
    pub fn warn(&self, text: impl Into<String>) {
        self.send(Event::Warning(text.into()));
    }
}
