//! The actor of a sandbox: one loop gathers what happens, plain methods decide what follows.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::course::Running;
use super::{FAREWELL, Plan, ending};
use crate::channel::frame::{Answer, Exit, Output};
use crate::channel::{Channel, Event as ChannelEvent, Log, Stream};
use crate::engine::{Handle, Network};
use crate::lambda::event::{Event, Failure};
use crate::lambda::{Events, Invocation, Outcome};
use crate::runtime_api::{self, ApiError, Call, Delivery, Exchange};

/// The service's budget for initialisation; what takes longer starts again within the invocation's own time.
pub(super) const INIT: Duration = Duration::from_secs(10);
/// How long what a dead process had said may take to be read: it is in memory already.
const SETTLE: Duration = Duration::from_millis(250);
/// The Runtime API's port in a network of the sandbox's own.
const PORT: u16 = 9001;
const SIGKILL: i32 = 9;
const ENOENT: i32 = 2;

/// A verb of the handle.
#[derive(Debug)]
pub(super) enum Command {
    Invoke(Arc<Invocation>, oneshot::Sender<Outcome>),
    Stop(Option<oneshot::Sender<()>>),
}

pub(super) type Reply = oneshot::Sender<Result<Delivery, ApiError>>;

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
    /// The invocation is over.
    Conclude(Outcome),
    /// The streamed answer of the invocation is over.
    Report(Option<Failure>),
    /// Find out whether a program that could not be started is there at all.
    Probe { path: String },
    /// The channel ended unasked.
    Lost,
    /// The sandbox is to end.
    Stop(Option<oneshot::Sender<()>>),
}

/// The runtime's process.
#[derive(Debug, Default)]
pub(super) struct Runtime {
    /// Its id in the channel; 0 for none.
    process: u32,
    attempt: usize,
    pub(super) started: Option<Instant>,
    /// From its start to its first call for work, until an invocation reports it.
    pub(super) init: Option<Duration>,
    /// The error that it reported of its initialisation.
    pub(super) init_error: Option<Outcome>,
    /// How it ended, and until when what it had said before may still arrive.
    exit: Option<(Exit, Instant)>,
    /// Its answer broke off; its end, if that is why, arrives until then.
    pub(super) truncated: Option<Instant>,
    /// Why it could not be started: error number and path.
    failed: Option<(i32, String)>,
}

pub(super) struct Task {
    pub(super) plan: Plan,
    pub(super) channel: Channel,
    handle: Box<dyn Handle>,
    pub(super) events: Events,
    tasks: TaskTracker,
    pub(super) exchange: Exchange<Reply>,
    pub(super) runtime: Runtime,
    pub(super) running: Option<Running>,
    next_process: u32,
    port: Option<u16>,
    connections: usize,
    call_tx: mpsc::UnboundedSender<Call>,
    call_rx: mpsc::UnboundedReceiver<Call>,
    closed_tx: mpsc::UnboundedSender<()>,
    closed_rx: mpsc::UnboundedReceiver<()>,
}

impl Task {
    pub(super) fn new(
        plan: Plan,
        channel: Channel,
        handle: Box<dyn Handle>,
        events: Events,
        tasks: TaskTracker,
    ) -> Self {
        let (call_tx, call_rx) = mpsc::unbounded_channel();
        let (closed_tx, closed_rx) = mpsc::unbounded_channel();
        // In a shared network the port is any free one, which the supervisor tells.
        let port = (plan.spec.network != Network::Host).then_some(PORT);
        Self {
            plan,
            channel,
            handle,
            events,
            tasks,
            exchange: Exchange::default(),
            runtime: Runtime::default(),
            running: None,
            next_process: 1,
            port,
            connections: 0,
            call_tx,
            call_rx,
            closed_tx,
            closed_rx,
        }
    }

    /// Runs until the sandbox is stopped or lost.
    pub(super) async fn run(
        mut self,
        mut event_rx: mpsc::UnboundedReceiver<ChannelEvent>,
        mut command_rx: mpsc::UnboundedReceiver<Command>,
    ) {
        if self.port.is_some() {
            // Before the supervisor says hello: a cold start pays no round trip for it.
            self.start_runtime();
        }
        loop {
            let input = self.gather(&mut event_rx, &mut command_rx).await;
            let mut next = self.take(input);
            if matches!(next, Next::Wait) {
                next = self.settle();
            }
            match next {
                Next::Wait => {}
                Next::Conclude(outcome) => self.conclude(outcome).await,
                Next::Report(failure) => self.report(failure).await,
                Next::Probe { path } => self.probe(path).await,
                Next::Lost => return self.lost().await,
                Next::Stop(reply) => {
                    self.end(&mut event_rx).await;
                    if let Some(reply) = reply {
                        let _ = reply.send(());
                    }
                    return;
                }
            }
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
        tokio::select! {
            biased;
            event = event_rx.recv() => Input::Channel(event.unwrap_or(ChannelEvent::Ended(None))),
            Some(call) = self.call_rx.recv() => Input::Call(call),
            Some(()) = self.closed_rx.recv() => Input::Disconnected,
            command = command_rx.recv() => Input::Command(command.unwrap_or(Command::Stop(None))),
            () = sleep_until(alarm) => Input::Alarm,
        }
    }

    /// The next moment at which something is due.
    fn alarm(&self) -> Option<Instant> {
        let settled = self
            .runtime
            .exit
            .as_ref()
            .map(|(_, until)| *until)
            .or(self.runtime.truncated);
        let deadline = self.running.as_ref().and_then(Running::deadline);
        [settled, deadline, self.init_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// When initialisation must be over; none where it counts against an invocation's own time.
    fn init_deadline(&self) -> Option<Instant> {
        let own = self
            .running
            .as_ref()
            .is_none_or(|running| running.deadline().is_none());
        let pending = self.runtime.process != 0
            && !self.exchange.is_initialised()
            && self.runtime.exit.is_none();
        self.runtime
            .started
            .filter(|_| own && pending)
            .map(|started| started + INIT)
    }

    fn take(&mut self, input: Input) -> Next {
        match input {
            Input::Channel(event) => return self.take_event(event),
            Input::Call(call) => return self.take_call(call),
            Input::Disconnected => self.connections -= 1,
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
                self.runtime.failed = Some((errno, path));
            }
            ChannelEvent::Exited { process, exit, .. } if process == self.runtime.process => {
                tracing::debug!(?exit, "the runtime ended");
                if self.running.is_none() && self.exchange.is_initialised() {
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
        let source = log.process * 2 + u32::from(log.output == Output::Stderr);
        self.events.send(Event::Log {
            source,
            bytes: log.bytes,
        });
    }

    fn serve(&mut self, stream: Stream) {
        self.connections += 1;
        let (call_tx, closed_tx) = (self.call_tx.clone(), self.closed_tx.clone());
        self.tasks.spawn(async move {
            runtime_api::serve(stream, call_tx).await;
            let _ = closed_tx.send(());
        });
    }

    /// Starts the runtime's process, from the first program that may be it.
    pub(super) fn start_runtime(&mut self) {
        self.runtime = Runtime::default();
        self.exchange.exited();
        self.try_program();
    }

    fn try_program(&mut self) {
        let Some(port) = self.port else { return };
        if let Some(spawn) = self.plan.spawn(port, self.runtime.attempt) {
            self.runtime.process = self.next_process;
            self.runtime.started = Some(Instant::now());
            self.next_process += 1;
            self.channel.spawn(self.runtime.process, spawn);
        }
    }

    /// A missing file and a missing interpreter of a file that is there are the same error; only the first lets the
    /// next program have its turn.
    async fn probe(&mut self, path: String) {
        let there = matches!(self.channel.stat(path.clone()).await, Some(Answer::Stat(_)));
        self.runtime.attempt += 1;
        if there || self.runtime.attempt >= self.plan.bootstraps.len() {
            self.runtime.failed = Some((ENOENT, path));
            if there {
                self.plan.bootstraps.clear();
            }
            if let Next::Conclude(outcome) = self.settle() {
                self.conclude(outcome).await;
            }
        } else {
            self.try_program();
        }
    }

    /// Ends the process and forgets it: what it still says is nobody's.
    pub(super) fn retire(&mut self) {
        if self.runtime.process != 0 && self.runtime.exit.is_none() {
            self.channel.signal(self.runtime.process, SIGKILL, true);
        }
        self.runtime = Runtime::default();
        self.exchange.exited();
    }

    /// What the state of the process means for the invocation.
    fn settle(&mut self) -> Next {
        let Some(running) = &self.running else {
            return Next::Wait;
        };
        let request_id = running.invocation.request_id.clone();
        if let Some(outcome) = self.runtime.init_error.take() {
            self.retire();
            return Next::Conclude(outcome);
        }
        if let Some((errno, path)) = self.runtime.failed.take() {
            let outcome = ending::not_started(&request_id, errno, &path, &self.plan.bootstraps);
            self.retire();
            return Next::Conclude(outcome);
        }
        if let Some((exit, until)) = self.runtime.exit {
            if self.connections > 0 && Instant::now() < until {
                return Next::Wait;
            }
            let outcome = ending::exited(&request_id, &exit);
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
        if self.exchange.is_initialised() {
            self.deliver();
        }
        Next::Wait
    }

    /// The answer broke off. When that is because the process died, its end is on its way.
    pub(super) fn truncated(&mut self) {
        self.runtime.truncated = Some(Instant::now() + SETTLE);
    }

    fn check_time(&mut self) -> Next {
        let now = Instant::now();
        if self
            .running
            .as_ref()
            .and_then(Running::deadline)
            .is_some_and(|deadline| now >= deadline)
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
            self.retire();
        }
        Next::Wait
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

    /// Ends the sandbox. What its processes say until then is still shown.
    async fn end(&mut self, event_rx: &mut mpsc::UnboundedReceiver<ChannelEvent>) {
        self.channel.finish(Duration::ZERO);
        let farewell = async {
            while let Some(event) = event_rx.recv().await {
                match event {
                    ChannelEvent::Log(log) => self.show(log),
                    ChannelEvent::Ended(_) => break,
                    _ => {}
                }
            }
        };
        if tokio::time::timeout(FAREWELL, farewell).await.is_ok() {
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
