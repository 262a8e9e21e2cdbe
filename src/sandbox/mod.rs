//! One function's execution environment: the engine's instance, the runtime in it, the Runtime API in front of it.
//!
//! [`Sandbox`] is the handle, `task` the actor that owns the state, `runtime` the life of its process and `course` that
//! of an invocation, `calls` what its runtime says, `plan` what is to be started, `ending` how an end becomes an outcome,
//! `debug` how a runtime is started for a debugger and `forward` how the debugger gets in. Knows neither the command line
//! nor how outcomes are shown.

mod calls;
mod course;
pub mod debug;
mod ending;
mod forward;
mod plan;
mod runtime;
mod task;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use forward::Forwarded;
pub use plan::{Options, Plan};

use crate::channel;
use crate::engine::{Engine, EngineError};
use crate::lambda::{Events, Invocation, Outcome};
use task::{Command, Task};

/// How long the supervisor may take to end once asked; it needs a millisecond.
const FAREWELL: Duration = Duration::from_secs(1);

/// A started sandbox. Dropping the handle ends it too, without waiting.
#[derive(Debug)]
pub struct Sandbox {
    /// The engine's id of it.
    pub id: String,
    command_tx: mpsc::UnboundedSender<Command>,
}

impl Sandbox {
    /// Starts a sandbox and, in it, the function's runtime: initialisation begins before the first invocation.
    ///
    /// # Errors
    /// The engine could not start it.
    pub async fn start(
        engine: &dyn Engine,
        plan: Plan,
        ports: Vec<Forwarded>,
        events: &Events,
        tasks: &TaskTracker,
    ) -> Result<Self, EngineError> {
        let instance = engine.start(&plan.spec).await?;
        let (channel, event_rx) = channel::open(instance.reader, instance.writer, tasks);
        let (command_tx, command_rx) = mpsc::unbounded_channel();
        let id = instance.id;
        let ended = CancellationToken::new();
        if let Some(first) = ports.first() {
            forward::announce(first, &channel, events, tasks, ended.clone());
        }
        for port in ports {
            forward::forward(port, &channel, tasks, ended.clone());
        }
        tasks.spawn(
            Task::new(
                plan,
                channel,
                instance.handle,
                events.clone(),
                tasks.clone(),
            )
            .run(event_rx, command_rx, ended.drop_guard()),
        );
        Ok(Self { id, command_tx })
    }

    /// Runs the function. None when the sandbox was stopped meanwhile.
    pub async fn invoke(&self, invocation: Arc<Invocation>) -> Option<Outcome> {
        let (reply_tx, reply_rx) = oneshot::channel();
        let _ = self.command_tx.send(Command::Invoke(invocation, reply_tx));
        reply_rx.await.ok()
    }

    /// Ends everything in the sandbox and waits until it has ended; the engine removes it after that.
    pub async fn stop(self) {
        let (reply_tx, reply_rx) = oneshot::channel();
        let _ = self.command_tx.send(Command::Stop(Some(reply_tx)));
        let _ = reply_rx.await;
    }
}
