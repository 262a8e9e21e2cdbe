//! Listens to what a sandbox says: passes it on, keeps the end of an invocation's log for its caller, and knows when an
//! invocation is over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};
use tokio_util::task::TaskTracker;

use crate::lambda::event::{Event, PlatformLogs, Report};
use crate::lambda::{Events, RequestId, platform};

/// Bytes of a log that a caller is shown: the last ones.
const TAIL: usize = 4096;

/// What an invocation has said and cost.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    /// The end of its log.
    pub tail: Vec<u8>,
    /// Its figures; none where the sandbox was lost before.
    pub report: Option<Report>,
}

#[derive(Debug)]
struct State {
    log: Vec<u8>,
    report: Option<Report>,
    alive: bool,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handle of what listens.
#[derive(Clone, Debug)]
pub(super) struct Tee {
    shared: Arc<Shared>,
}

impl Tee {
    /// Listens to the sandbox of a number, which is to tell of itself in the events that are returned.
    pub(super) fn new(
        number: u64,
        logs: PlatformLogs,
        events: &Events,
        tasks: &TaskTracker,
    ) -> (Self, Events) {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                log: Vec::new(),
                report: None,
                alive: true,
            }),
            changed: Notify::new(),
        });
        let (own, event_rx) = Events::channel();
        let listener = Listener {
            number,
            logs,
            events: events.clone(),
            shared: Arc::clone(&shared),
        };
        tasks.spawn(listener.run(event_rx));
        (Self { shared }, own)
    }

    /// Whether the sandbox may still say something.
    pub(super) fn is_alive(&self) -> bool {
        self.shared.state().alive
    }

    /// Waits until an invocation is over.
    pub(super) async fn settled(&self, id: &RequestId) -> Settled {
        loop {
            let changed = self.shared.changed.notified();
            {
                let mut state = self.shared.state();
                let over = state.report.take_if(|report| report.request_id == *id);
                if over.is_some() || !state.alive {
                    return Settled {
                        tail: std::mem::take(&mut state.log),
                        report: over,
                    };
                }
            }
            changed.await;
        }
    }
}

struct Listener {
    number: u64,
    logs: PlatformLogs,
    events: Events,
    shared: Arc<Shared>,
}

impl Listener {
    async fn run(self, mut event_rx: mpsc::UnboundedReceiver<Event>) {
        while let Some(event) = event_rx.recv().await {
            self.take(event);
        }
        self.shared.state().alive = false;
        self.shared.changed.notify_waiters();
    }

    fn take(&self, event: Event) {
        match event {
            Event::Log { source, bytes } => {
                self.keep(&bytes);
                // Streams of two sandboxes are not one.
                let source = (self.number << 32) | source;
                self.events.send(Event::Log { source, bytes });
            }
            Event::InitStarted(init) => {
                self.lines(platform::init_started(self.logs, &init));
                self.pass_on(Event::InitStarted(init));
            }
            Event::InitEnded(end) => {
                self.lines(platform::init_ended(self.logs, &end));
                self.pass_on(Event::InitEnded(end));
            }
            Event::Started { request_id } => {
                self.lines(platform::started(self.logs, &request_id));
                self.pass_on(Event::Started { request_id });
            }
            Event::Finished(report) => {
                self.lines(platform::finished(self.logs, &report));
                self.pass_on(Event::Finished(report.clone()));
                self.shared.state().report = Some(report);
                self.shared.changed.notify_waiters();
            }
            Event::Written(written_tx) => _ = written_tx.send(true),
            event => self.events.send(event),
        }
    }

    /// Functions differ in the form of the platform's lines.
    fn pass_on(&self, event: Event) {
        self.events.send(Event::Logs(self.logs));
        self.events.send(event);
    }

    /// Keeps lines of the platform's own, each on a line of its own.
    fn lines(&self, lines: impl IntoIterator<Item = String>) {
        for line in lines {
            let begins = self
                .shared
                .state()
                .log
                .last()
                .is_none_or(|last| *last == b'\n');
            let text = format!("{}{line}\n", if begins { "" } else { "\n" });
            self.keep(text.as_bytes());
        }
    }

    fn keep(&self, bytes: &[u8]) {
        let mut state = self.shared.state();
        state.log.extend_from_slice(bytes);
        let more = state.log.len().saturating_sub(TAIL);
        // Not for every small piece.
        if more > TAIL || bytes.len() > TAIL {
            state.log.drain(..more);
        }
    }
}

impl Settled {
    /// The end of the log, and no more of it than a caller is shown.
    #[must_use]
    pub fn tail(&self) -> &[u8] {
        &self.tail[self.tail.len().saturating_sub(TAIL)..]
    }
}
