//! The actor of a sandbox: one loop gathers what happens, plain methods decide what follows.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;

use super::course::Running;
use super::ending::{self, ENOENT, SIGKILL};
use super::runtime::{Failed, Runtime, SETTLE};
use super::{FAREWELL, Plan};
use crate::channel::frame::{Exit, Output};
use crate::channel::{Channel, Event as ChannelEvent, Log, Stream};
use crate::engine::Handle;
use crate::lambda::event::Event;
use crate::lambda::{Events, Invocation, Outcome};
use crate::runtime_api::{self, Call, Exchange, ExtensionWaiting, Extensions, Waiting};

/// How far the clock may fall behind what the channel has to say.
const OVERDUE: Duration = Duration::from_millis(100);

/// What a runtime with extensions in it has for its end, in the service.
const GRACE: Duration = Duration::from_millis(500);

/// A verb of the handle.
#[derive(Debug)]
pub(super) enum Command {
    Invoke(Arc<Invocation>, oneshot::Sender<Outcome>),
    Stop(Option<oneshot::Sender<()>>),
}

/// Everything that can happen to a sandbox.
enum Input {
    Channel(ChannelEvent),
    Call(Call),
    Disconnected,
    Command(Command),
    Alarm,
}

/// What follows from an input, where it takes waiting.
pub(super) enum Next {
    /// Nothing.
    Wait,
    /// The platform ends the invocation.
    Conclude(Outcome),
    /// The runtime has answered and is done with the invocation.
    Finish,
    /// Find out whether a program that could not be started is there at all.
    Probe { path: String },
    /// The channel ended unasked.
    Lost,
    /// The sandbox is to end.
    Stop(Option<oneshot::Sender<()>>),
}

/// The way from the connections of one process to the task. A later process has its own, so that nothing of the earlier
/// one can be taken for it.
pub(super) struct Calls {
    pub(super) connections: usize,
    call_tx: mpsc::UnboundedSender<Call>,
    call_rx: mpsc::UnboundedReceiver<Call>,
    closed_tx: mpsc::UnboundedSender<()>,
    closed_rx: mpsc::UnboundedReceiver<()>,
}

impl Default for Calls {
    fn default() -> Self {
        let (call_tx, call_rx) = mpsc::unbounded_channel();
        let (closed_tx, closed_rx) = mpsc::unbounded_channel();
        Self {
            connections: 0,
            call_tx,
            call_rx,
            closed_tx,
            closed_rx,
        }
    }
}

pub(super) struct Task {
    pub(super) plan: Plan,
    pub(super) channel: Channel,
    handle: Box<dyn Handle>,
    pub(super) events: Events,
    pub(super) tasks: TaskTracker,
    pub(super) exchange: Exchange<Waiting>,
    pub(super) extensions: Extensions<ExtensionWaiting>,
    pub(super) runtime: Runtime,
    pub(super) running: Option<Running>,
    /// Invocations that wait for the one before to be over.
    pub(super) queue: VecDeque<(Arc<Invocation>, oneshot::Sender<Outcome>)>,
    pub(super) next_process: u32,
    pub(super) port: Option<u16>,
    pub(super) calls: Calls,
}

impl Task {
    pub(super) fn new(
        plan: Plan,
        channel: Channel,
        handle: Box<dyn Handle>,
        events: Events,
        tasks: TaskTracker,
    ) -> Self {
        let (port, parallel) = (plan.spec.port, plan.parallel);
        Self {
            plan,
            channel,
            handle,
            events,
            tasks,
            exchange: Exchange::new(parallel),
            extensions: Extensions::default(),
            runtime: Runtime::default(),
            running: None,
            queue: VecDeque::new(),
            next_process: 1,
            port,
            calls: Calls::default(),
        }
    }

    /// Runs until the sandbox is stopped or lost.
    pub(super) async fn run(
        mut self,
        mut event_rx: mpsc::UnboundedReceiver<ChannelEvent>,
        mut command_rx: mpsc::UnboundedReceiver<Command>,
        // What serves the sandbox from outside ends with it.
        _ended: DropGuard,
    ) {
        if self.port.is_some() {
            // Before the supervisor says hello: a cold start pays no round trip for it.
            self.start_runtime();
        }
        let mut stopping = None;
        loop {
            let input = self.gather(&mut event_rx, &mut command_rx).await;
            match self.follow(input).await {
                Next::Lost => return self.lost().await,
                // What the function does after its answer is part of the invocation.
                Next::Stop(Some(reply)) if self.is_answered() => stopping = Some(reply),
                Next::Stop(reply) => {
                    // Who has dropped the handle waits for nothing.
                    self.end(&mut event_rx, reply.is_none()).await;
                    if let Some(reply) = reply {
                        let _ = reply.send(());
                    }
                    return;
                }
                _ => {}
            }
            if self.running.is_none()
                && let Some(reply) = stopping.take()
            {
                self.end(&mut event_rx, false).await;
                let _ = reply.send(());
                return;
            }
        }
    }

    /// Does what follows from an input, until nothing more does or the sandbox is at its end.
    async fn follow(&mut self, input: Input) -> Next {
        let mut next = self.take(input);
        loop {
            if matches!(next, Next::Wait) {
                next = self.settle();
            }
            match next {
                Next::Conclude(outcome) => self.conclude(outcome).await,
                Next::Finish => self.finish().await,
                Next::Probe { path } => self.probe(path).await,
                Next::Wait | Next::Lost | Next::Stop(_) => return next,
            }
            next = Next::Wait;
        }
    }

    /// Waits for the next thing to happen. What the channel says goes first: output that was written before a call is
    /// ahead of the call.
    async fn gather(
        &mut self,
        event_rx: &mut mpsc::UnboundedReceiver<ChannelEvent>,
        command_rx: &mut mpsc::UnboundedReceiver<Command>,
    ) -> Input {
        let alarm = self.alarm();
        // A function that writes without end must not outlive its time.
        if alarm.is_some_and(|moment| moment.elapsed() > OVERDUE) {
            return Input::Alarm;
        }
        tokio::select! {
            biased;
            event = event_rx.recv() => Input::Channel(event.unwrap_or(ChannelEvent::Ended(None))),
            Some(call) = self.calls.call_rx.recv() => Input::Call(call),
            Some(()) = self.calls.closed_rx.recv() => Input::Disconnected,
            command = command_rx.recv() => Input::Command(command.unwrap_or(Command::Stop(None))),
            () = sleep_until(alarm) => Input::Alarm,
        }
    }

    /// The next moment at which something is due.
    fn alarm(&self) -> Option<Instant> {
        let running = self.running.as_ref().filter(|_| !self.is_condemned());
        let deadline = running.and_then(Running::deadline);
        let deadline = deadline.filter(|_| !self.plan.debugged);
        let patience = running.and_then(Running::patience);
        [self.settled(), patience, deadline, self.init_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    fn take(&mut self, input: Input) -> Next {
        match input {
            Input::Channel(event) => return self.take_event(event),
            Input::Call(call) => return self.take_call(call),
            Input::Disconnected => self.calls.connections -= 1,
            Input::Command(Command::Invoke(invocation, reply)) => self.accept(invocation, reply),
            Input::Command(Command::Stop(reply)) => return Next::Stop(reply),
            Input::Alarm => return self.check_time(),
        }
        Next::Wait
    }

    fn take_event(&mut self, event: ChannelEvent) -> Next {
        match event {
            ChannelEvent::Hello {
                version,
                pid,
                uid,
                controller,
                port,
            } => {
                tracing::debug!(version, pid, uid, ?controller, port, "the supervisor runs");
                if self.port.replace(port).is_none() {
                    self.start_runtime();
                }
            }
            ChannelEvent::Spawned { pid, .. } => tracing::debug!(pid, "the runtime was started"),
            ChannelEvent::Failed {
                process,
                errno: ENOENT,
                path,
            } if process == self.runtime.process => {
                return Next::Probe { path };
            }
            ChannelEvent::Failed {
                process,
                errno,
                path,
            } if process == self.runtime.process => {
                self.runtime.failed = Some(Failed {
                    errno,
                    path,
                    there: true,
                });
            }
            ChannelEvent::Exited { process, exit, .. } if process == self.runtime.process => {
                tracing::debug!(?exit, "the runtime ended");
                self.exchange.abandon();
                if self.running.is_none() && self.is_initialised() {
                    // Between invocations: the next one starts it again.
                    self.retire();
                } else {
                    self.runtime.exit = Some((exit, Instant::now() + SETTLE));
                }
            }
            ChannelEvent::Failed { .. } | ChannelEvent::Exited { .. } => {}
            ChannelEvent::Opened(stream) => self.serve(stream),
            ChannelEvent::Log(log) => self.show(log),
            ChannelEvent::Ended(error) => {
                tracing::debug!(?error, "the channel ended");
                return Next::Lost;
            }
        }
        Next::Wait
    }

    fn show(&self, log: Log) {
        let source = u64::from(log.process) * 2 + u64::from(log.output == Output::Stderr);
        self.events.send(Event::Log {
            source,
            bytes: log.bytes,
        });
    }

    fn serve(&mut self, stream: Stream) {
        self.calls.connections += 1;
        let (call_tx, closed_tx) = (self.calls.call_tx.clone(), self.calls.closed_tx.clone());
        self.tasks.spawn(async move {
            let ended = stream.ended();
            runtime_api::serve(stream, ended, call_tx).await;
            let _ = closed_tx.send(());
        });
    }

    async fn lost(mut self) {
        let ended = self.handle.ended().await;
        if let Some(running) = &self.running {
            let request_id = running.invocation.request_id.clone();
            let outcome = if ended.out_of_memory {
                ending::exited(
                    &request_id,
                    &Exit {
                        signal: Some(SIGKILL),
                        out_of_memory: true,
                        ..Exit::default()
                    },
                )
            } else {
                Outcome::Lost(ended.reason)
            };
            self.conclude(outcome).await;
        }
        self.handle.remove().await;
    }

    /// Ends the sandbox, without a grace where it is hurried. What its processes say until then is still shown.
    async fn end(&mut self, event_rx: &mut mpsc::UnboundedReceiver<ChannelEvent>, hurried: bool) {
        // One with extensions in it is asked to end before it is killed.
        let grace = match (hurried, self.extensions.is_empty()) {
            (true, _) => Duration::ZERO,
            (false, true) => self.plan.grace,
            (false, false) => self.plan.grace.max(GRACE),
        };
        self.channel.finish(grace);
        let farewell = async {
            while let Some(event) = event_rx.recv().await {
                match event {
                    ChannelEvent::Log(log) => self.show(log),
                    ChannelEvent::Ended(_) => break,
                    _ => {}
                }
            }
        };
        if tokio::time::timeout(grace + FAREWELL, farewell)
            .await
            .is_ok()
        {
            self.handle.release();
        } else {
            self.handle.remove().await;
        }
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
