//! The life of the runtime's process within the sandbox's task: started, initialised, ended, started again.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{Span, debug_span};

use super::course::Running;
use super::ending::{self, ENOENT, SIGKILL};
use super::task::{Calls, Next, Task};
use crate::channel::frame::{Answer, Exit};
use crate::lambda::event::{Event, Failure, InitEnd};
use crate::lambda::{FunctionError, Outcome, RequestId};
use crate::runtime_api::Extensions;

/// The service's budget for initialisation; what takes longer starts again within the invocation's own time.
const INIT: Duration = Duration::from_secs(10);
/// How long what a dead process had said may take to be read: it is in memory already.
pub(super) const SETTLE: Duration = Duration::from_millis(250);

/// The runtime's process.
#[derive(Debug, Default)]
pub(super) struct Runtime {
    /// Its id in the channel; 0 for none.
    pub(super) process: u32,
    attempt: usize,
    pub(super) started: Option<Instant>,
    /// From its start to its first call for work, until an invocation reports it.
    pub(super) init: Option<Duration>,
    /// The error that it reported of its initialisation, and its category.
    pub(super) init_error: Option<(Outcome, String)>,
    /// How it ended, and until when what it had said before may still arrive.
    pub(super) exit: Option<(Exit, Instant)>,
    /// Its answer broke off; its end, if that is why, arrives until then.
    pub(super) truncated: Option<Instant>,
    /// Why it could not be started.
    pub(super) failed: Option<Failed>,
    /// What it is killed for, and until when its last words may still arrive.
    condemned: Option<(Outcome, Instant)>,
    /// Lasts as long as its initialisation.
    pub(super) initialising: Option<Span>,
}

/// A program that could not be started.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) errno: i32,
    pub(super) path: String,
    /// The file is there: what is missing is its interpreter.
    pub(super) there: bool,
}

impl Task {
    /// When initialisation must be over; none where it counts against an invocation's own time.
    pub(super) fn init_deadline(&self) -> Option<Instant> {
        let own = self
            .running
            .as_ref()
            .is_none_or(|running| running.deadline().is_none());
        let pending =
            self.runtime.process != 0 && !self.is_initialised() && self.runtime.exit.is_none();
        self.runtime
            .started
            .filter(|_| own && pending && !self.plan.debugged)
            .map(|started| started + INIT)
    }

    /// Starts the runtime's process, from the first program that may be it.
    pub(super) fn start_runtime(&mut self) {
        self.renew();
        self.events.send(Event::InitStarted(self.plan.init.clone()));
        self.try_program();
    }

    /// Forgets the process and all that it may still say: its connections are nobody's from now on.
    fn renew(&mut self) {
        self.runtime = Runtime::default();
        self.exchange.exited();
        self.extensions = Extensions::default();
        self.calls = Calls::default();
    }

    fn try_program(&mut self) {
        let Some(port) = self.port else { return };
        if let Some(spawn) = self.plan.spawn(port, self.runtime.attempt) {
            self.runtime.process = self.next_process;
            self.runtime.started = Some(Instant::now());
            self.runtime.initialising = Some(debug_span!("init"));
            self.next_process += 1;
            self.channel.spawn(self.runtime.process, spawn);
        }
    }

    /// A missing file and a missing interpreter of a file that is there are the same error; only the first lets the
    /// next program have its turn.
    pub(super) async fn probe(&mut self, path: String) {
        let there = matches!(self.channel.stat(path.clone()).await, Some(Answer::Stat(_)));
        self.runtime.attempt += 1;
        if there || self.runtime.attempt >= self.plan.bootstraps.len() {
            self.runtime.failed = Some(Failed {
                errno: ENOENT,
                path,
                there,
            });
        } else {
            self.try_program();
        }
    }

    /// Whether the runtime has asked for work, and each extension in it for an event.
    pub(super) fn is_initialised(&self) -> bool {
        self.exchange.is_initialised() && self.extensions.are_initialised()
    }

    /// Notes that initialisation is over, once it is.
    pub(super) fn initialised(&mut self) {
        if self.is_initialised() && self.runtime.initialising.take().is_some() {
            self.runtime.init = self.runtime.started.map(|started| started.elapsed());
            self.tell_init(self.runtime.init.unwrap_or_default(), None);
        }
    }

    /// An extension reported a failure: the environment is started again.
    pub(super) fn extension_failed(&mut self, name: &str, category: &str) {
        if self.is_condemned() {
            return;
        }
        let Some(running) = &self.running else {
            self.init_failed(Some(Failure::Error(category.to_owned())));
            return self.retire();
        };
        let id = &running.invocation.request_id;
        let message = format!("RequestId: {id} Error: extension {name} failed");
        self.condemn(Outcome::Crashed(FunctionError::new(category, message)));
    }

    /// Tells of an initialisation that failed, and has the invocation that waits for it report the same.
    fn init_failed(&mut self, failure: Option<Failure>) {
        let (Some(failure), Some(started)) = (failure, self.runtime.started) else {
            return;
        };
        if self.is_initialised() {
            return;
        }
        self.tell_init(started.elapsed(), Some(failure.clone()));
        if let Some(running) = &mut self.running {
            running.init_failure = Some(failure);
        }
    }

    /// Tells how long an initialisation took, and what became of it.
    pub(super) fn tell_init(&self, duration: Duration, failure: Option<Failure>) {
        let begun = self.running.as_ref().and_then(Running::deadline);
        self.events.send(Event::InitEnded(InitEnd {
            init: self.plan.init.clone(),
            duration,
            again: begun.is_some(),
            failure,
        }));
    }

    /// Ends the process and forgets it.
    pub(super) fn retire(&mut self) {
        self.kill();
        self.renew();
    }

    fn kill(&self) {
        if self.runtime.process != 0 && self.runtime.exit.is_none() {
            self.channel.signal(self.runtime.process, SIGKILL, true);
        }
    }

    /// Kills the process; the outcome is told when everything that it had written is here.
    pub(super) fn condemn(&mut self, outcome: Outcome) {
        self.kill();
        self.runtime.condemned = Some((outcome, Instant::now() + SETTLE));
    }

    /// Whether the invocation's outcome is decided, and only the process's last words are waited for.
    pub(super) fn is_condemned(&self) -> bool {
        self.runtime.condemned.is_some()
    }

    /// The next moment at which the end of the process is decided, where an invocation waits for it.
    pub(super) fn settled(&self) -> Option<Instant> {
        self.running.as_ref()?;
        let condemned = self.runtime.condemned.as_ref().map(|(_, until)| *until);
        let exit = self.runtime.exit.as_ref().map(|(_, until)| *until);
        condemned.or(exit).or(self.runtime.truncated)
    }

    /// What the state of the process means for the invocation.
    pub(super) fn settle(&mut self) -> Next {
        let Some(running) = &self.running else {
            return Next::Wait;
        };
        let request_id = running.invocation.request_id.clone();
        if let Some((outcome, until)) = self.runtime.condemned.take() {
            if self.runtime.exit.is_none() && Instant::now() < until {
                self.runtime.condemned = Some((outcome, until));
                return Next::Wait;
            }
            self.init_failed(ending::failure(&outcome));
            self.retire();
            return Next::Conclude(outcome);
        }
        if self.is_answered() {
            return self.settle_answer();
        }
        if let Some((outcome, category)) = self.runtime.init_error.take() {
            self.init_failed(Some(Failure::Error(category)));
            self.retire();
            return Next::Conclude(outcome);
        }
        if let Some(failed) = self.runtime.failed.take() {
            return Next::Conclude(self.not_started(&request_id, &failed));
        }
        if let Some((exit, until)) = self.runtime.exit {
            if self.calls.connections > 0 && Instant::now() < until {
                return Next::Wait;
            }
            let outcome = ending::exited(&request_id, &exit);
            self.init_failed(ending::failure(&outcome));
            self.retire();
            return Next::Conclude(outcome);
        }
        if self
            .runtime
            .truncated
            .is_some_and(|until| Instant::now() >= until)
        {
            self.runtime.truncated = None;
            return Next::Conclude(ending::truncated(&request_id));
        }
        if self.runtime.process == 0 && self.port.is_some() {
            // It failed before this invocation: it starts again, within the invocation's own time.
            self.start_runtime();
            self.begin();
        }
        if self.is_initialised() {
            self.deliver();
        }
        Next::Wait
    }

    fn not_started(&mut self, request_id: &RequestId, failed: &Failed) -> Outcome {
        let missing = if failed.there || failed.errno != ENOENT {
            &[]
        } else {
            self.plan.bootstraps.as_slice()
        };
        let outcome = ending::not_started(request_id, failed.errno, &failed.path, missing);
        let hint = if failed.errno == ENOENT && !failed.there {
            Some(format!("the image has no program {}", failed.path))
        } else {
            ending::start_hint(failed.errno, &failed.path)
        };
        if let Some(hint) = hint.filter(|_| missing.is_empty()) {
            self.events.note(format!("Hint: {hint}"));
        }
        self.init_failed(ending::failure(&outcome));
        self.retire();
        outcome
    }

    /// The answer broke off. When that is because the process died, its end is on its way.
    pub(super) fn truncated(&mut self) {
        self.runtime.truncated = Some(Instant::now() + SETTLE);
    }

    pub(super) fn check_time(&mut self) -> Next {
        let now = Instant::now();
        if self.is_condemned() {
            return Next::Wait;
        }
        if self
            .running
            .as_ref()
            .and_then(Running::deadline)
            .is_some_and(|deadline| now >= deadline && !self.plan.debugged)
        {
            return self.expire();
        }
        if self.init_deadline().is_some_and(|deadline| now >= deadline) {
            let text = format!(
                "Function '{}' did not initialise within {} seconds",
                self.plan.function,
                INIT.as_secs()
            );
            self.events.warn(format!(
                "{text}; as in Lambda it starts again, within its own timeout"
            ));
            self.tell_init(INIT, Some(Failure::Timeout));
            self.retire();
        }
        Next::Wait
    }
}
