//! The sandboxes of one function: as many as there are invocations at a time, up to a limit, and kept for the next ones
//! where that is wanted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;

use super::{Metrics, Starter, Tee};
use crate::function::Function;
use crate::lambda::Events;
use crate::sandbox::Sandbox;

/// Numbers of sandboxes, so that the output of one is told from another's.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// How long an invocation waits for a sandbox that has answered and is not free yet: less than a new one takes to start.
const SOON: Duration = Duration::from_millis(100);

/// What becomes of an invocation when there are as many as there may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenBusy {
    /// It waits for this machine's limit, and is refused beyond the template's.
    #[default]
    AsConfigured,
    /// It waits.
    Wait,
    /// It is refused.
    Throttle,
}

/// How many sandboxes a function may have, and whether they are kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Sandboxes of one function at a time.
    pub sandboxes: usize,
    /// What becomes of an invocation beyond that.
    pub when_busy: WhenBusy,
    /// Whether a sandbox is kept for the next invocation.
    pub keep: bool,
}

/// Why an invocation did not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There are as many as there may be; by the template's own limit, or by this machine's.
    Throttled {
        /// Whether it is the limit that the template reserves.
        reserved: bool,
    },
    /// No sandbox can be started: for people, why.
    Failed(String),
    /// Nobody waits for it any more.
    Abandoned,
}

/// What a pool works with.
pub(super) struct Parts {
    pub(super) starter: Arc<dyn Starter>,
    pub(super) events: Events,
    pub(super) metrics: Arc<Metrics>,
    pub(super) tasks: TaskTracker,
}

/// A sandbox that runs, and what listens to it.
#[derive(Debug)]
struct Warm {
    sandbox: Sandbox,
    tee: Tee,
    /// Its place in the pool.
    _place: Place,
}

/// A place in a pool, free again when this is dropped.
#[derive(Debug)]
struct Place(Weak<Pool>);

impl Drop for Place {
    fn drop(&mut self) {
        let Some(pool) = self.0.upgrade() else { return };
        let mut state = pool.state();
        state.count -= 1;
        pool.metrics.sandboxes(&pool.function.path, state.count);
        // Whoever waits tries for the place.
        while let Some(waiting) = state.waiting.pop_front() {
            if waiting.send(None).is_ok() {
                break;
            }
        }
    }
}

/// A sandbox that has answered, and is free as soon as its runtime asks for work again; until this is dropped.
#[derive(Debug)]
struct Answered(Arc<Pool>);

impl Drop for Answered {
    fn drop(&mut self) {
        self.0.state().answered -= 1;
    }
}

#[derive(Debug, Default)]
struct State {
    count: usize,
    /// Sandboxes that are about to be free.
    answered: usize,
    idle: VecDeque<(Warm, Instant)>,
    waiting: VecDeque<oneshot::Sender<Option<Warm>>>,
    closed: bool,
}

impl State {
    fn wait(&mut self) -> oneshot::Receiver<Option<Warm>> {
        self.waiting.retain(|waiting| !waiting.is_closed());
        let (given_tx, given_rx) = oneshot::channel();
        self.waiting.push_back(given_tx);
        given_rx
    }
}

/// The sandboxes of one function.
pub(super) struct Pool {
    function: Arc<Function>,
    limits: Limits,
    starter: Arc<dyn Starter>,
    events: Events,
    metrics: Arc<Metrics>,
    tasks: TaskTracker,
    state: Mutex<State>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("function", &self.function.path)
            .finish_non_exhaustive()
    }
}

/// What an invocation does for a sandbox.
enum Next {
    Use(Warm),
    Start,
    Wait(oneshot::Receiver<Option<Warm>>),
    /// As `Wait`, but for a moment only.
    WaitShortly(oneshot::Receiver<Option<Warm>>),
    Refuse(Refused),
    /// Lets go of these, and looks again.
    Bury(Vec<Warm>),
}

impl Pool {
    pub(super) fn new(function: Arc<Function>, limits: Limits, parts: Parts) -> Self {
        Self {
            function,
            limits,
            starter: parts.starter,
            events: parts.events,
            metrics: parts.metrics,
            tasks: parts.tasks,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sandbox for an invocation: one that is idle, a new one, or the first that is given back.
    pub(super) async fn acquire(self: &Arc<Self>) -> Result<Lease, Refused> {
        let mut shortly = self.limits.keep;
        loop {
            match self.next(shortly) {
                Next::Use(warm) => return Ok(self.lease(warm)),
                Next::Start => return self.start().await.map(|warm| self.lease(warm)),
                Next::Refuse(refused) => return Err(refused),
                Next::Bury(dead) => drop(dead),
                Next::Wait(given_rx) => {
                    if let Ok(Some(warm)) = given_rx.await {
                        return Ok(self.lease(warm));
                    }
                }
                Next::WaitShortly(given_rx) => {
                    // Clients that call one after the other are not to find their own sandbox busy.
                    if let Ok(Ok(Some(warm))) = timeout(SOON, given_rx).await {
                        return Ok(self.lease(warm));
                    }
                    shortly = false;
                }
            }
        }
    }

    /// What an invocation does; `shortly`, whether it may wait a moment for what is about to be free.
    fn next(self: &Arc<Self>, shortly: bool) -> Next {
        let mut state = self.state();
        if state.closed {
            return Next::Refuse(Refused::Failed("the service ends".to_owned()));
        }
        // Sandboxes may have ended by themselves. They free their places, which takes the lock.
        if state.idle.iter().any(|(warm, _)| !warm.tee.is_alive()) {
            let idle = std::mem::take(&mut state.idle).into_iter();
            let (alive, dead): (VecDeque<_>, VecDeque<_>) =
                idle.partition(|(warm, _)| warm.tee.is_alive());
            state.idle = alive;
            return Next::Bury(dead.into_iter().map(|(warm, _)| warm).collect());
        }
        // The one that was used last is the warmest.
        if let Some((warm, _)) = state.idle.pop_back() {
            return Next::Use(warm);
        }
        if shortly && state.answered > state.waiting.len() {
            return Next::WaitShortly(state.wait());
        }
        let reserved = self.function.reserved.map(|number| number as usize);
        let limit = reserved.map_or(self.limits.sandboxes, |own| own.min(self.limits.sandboxes));
        if state.count < limit {
            state.count += 1;
            self.metrics.sandboxes(&self.function.path, state.count);
            return Next::Start;
        }
        let own = reserved.is_some_and(|own| own <= self.limits.sandboxes);
        let waits = match self.limits.when_busy {
            WhenBusy::AsConfigured => !own,
            // Nothing is ever given back to a function that may have none.
            WhenBusy::Wait => limit > 0,
            WhenBusy::Throttle => false,
        };
        // A client that has its answer does not count as busy, though its sandbox may be.
        let soon = limit > 0 && state.answered > state.waiting.len();
        if !waits && !soon {
            return Next::Refuse(Refused::Throttled { reserved: own });
        }
        Next::Wait(state.wait())
    }

    /// Starts a sandbox, for a place that is taken.
    async fn start(self: &Arc<Self>) -> Result<Warm, Refused> {
        let place = Place(Arc::downgrade(self));
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let logs = self.function.logging.platform();
        let (tee, events) = Tee::new(number, logs, &self.events, &self.tasks);
        let started = self.starter.start(&self.function, events).await;
        let sandbox = started.map_err(Refused::Failed)?;
        Ok(Warm {
            sandbox,
            tee,
            _place: place,
        })
    }

    fn lease(self: &Arc<Self>, warm: Warm) -> Lease {
        Lease {
            pool: Arc::clone(self),
            warm: Some(warm),
            answered: None,
        }
    }

    /// Takes a sandbox back: whoever waits gets it. None where it is not to be kept.
    fn take_back(&self, mut warm: Warm) -> Option<Warm> {
        if !self.limits.keep || !warm.tee.is_alive() {
            return Some(warm);
        }
        let mut state = self.state();
        if state.closed {
            return Some(warm);
        }
        while let Some(waiting) = state.waiting.pop_front() {
            match waiting.send(Some(warm)) {
                Ok(()) | Err(None) => return None,
                Err(Some(back)) => warm = back,
            }
        }
        state.idle.push_back((warm, Instant::now()));
        None
    }

    /// Ends sandboxes that nobody has used for this long.
    pub(super) async fn retire(&self, after: Duration) {
        let mut old = Vec::new();
        {
            let mut state = self.state();
            while state
                .idle
                .front()
                .is_some_and(|(_, since)| since.elapsed() >= after)
            {
                old.extend(state.idle.pop_front());
            }
        }
        for (warm, _) in old {
            warm.sandbox.stop().await;
        }
    }

    /// Ends what is idle, and keeps nothing from now on.
    pub(super) async fn close(&self) {
        let idle = {
            let mut state = self.state();
            state.closed = true;
            state.waiting.clear();
            std::mem::take(&mut state.idle)
        };
        let stopped = idle.into_iter().map(|(warm, _)| warm.sandbox.stop());
        futures_util::future::join_all(stopped).await;
    }
}

/// A sandbox that runs an invocation.
pub(super) struct Lease {
    pool: Arc<Pool>,
    warm: Option<Warm>,
    answered: Option<Answered>,
}

impl Lease {
    pub(super) fn sandbox(&mut self) -> &Sandbox {
        &self.warm().sandbox
    }

    pub(super) fn tee(&mut self) -> &Tee {
        &self.warm().tee
    }

    #[expect(
        clippy::expect_used,
        reason = "only `release`, which takes the lease, takes it out"
    )]
    fn warm(&mut self) -> &Warm {
        self.warm
            .as_ref()
            .expect("a lease has a sandbox until it is released")
    }

    /// Says that the invocation has its answer, so that the sandbox is about to be free.
    pub(super) fn answered(&mut self) {
        self.pool.state().answered += 1;
        self.answered = Some(Answered(Arc::clone(&self.pool)));
    }

    /// Gives the sandbox back; one that is of no use any more is ended.
    pub(super) async fn release(mut self, useful: bool) {
        let Some(warm) = self.warm.take() else { return };
        let answered = self.answered.take();
        if self.pool.limits.keep {
            drop(answered);
        }
        let left = if useful {
            self.pool.take_back(warm)
        } else {
            Some(warm)
        };
        if let Some(warm) = left {
            warm.sandbox.stop().await;
        }
    }
}
