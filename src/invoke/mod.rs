//! The one verb of a service that runs functions: a function and an invocation become an outcome, in a sandbox of the
//! function's pool. Knows neither who asks nor how a sandbox is made.
//!
//! [`Invoker`] is the handle. `pool` keeps the sandboxes of one function, `tee` listens to what one of them says, `queue`
//! takes events that nobody waits for, and [`metrics`](Metrics) count.

mod metrics;
mod pool;
mod queue;
mod tee;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::function::Function;
use crate::lambda::{Body, Events, Invocation, Outcome};
use crate::sandbox::Sandbox;
pub use metrics::Metrics;
use pool::Pool;
pub use pool::{Limits, Refused, WhenBusy};
pub use queue::Destinations;
pub use tee::Settled;
use tee::Tee;

/// A future behind a trait object.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whoever makes sandboxes.
pub trait Starter: Send + Sync + fmt::Debug {
    /// Starts a sandbox for a function, which tells of its doings there.
    ///
    /// # Errors
    /// It cannot be started: for people, why.
    fn start<'a>(
        &'a self,
        function: &'a Arc<Function>,
        events: Events,
    ) -> Boxed<'a, Result<Sandbox, String>>;

    /// How many sandboxes a function may have at a time, where it is fewer than the limits allow.
    fn most(&self, function: &Function) -> Option<usize>;
}

/// Sandboxes that an invocation may find gone before it has one that takes it.
const TRIES: usize = 5;

/// Hands an invocation to a sandbox. One that was gone before it took the invocation has not run it, so another does. Whoever
/// has gone away while there was no sandbox gets none.
async fn run(
    pool: &Arc<Pool>,
    invocation: &Arc<Invocation>,
    is_wanted: impl Fn() -> bool,
) -> Result<(pool::Lease, Outcome), Refused> {
    for _ in 0..TRIES {
        let mut lease = pool.acquire().await?;
        if !is_wanted() {
            lease.release(true).await;
            return Err(Refused::Abandoned);
        }
        match lease.sandbox().invoke(Arc::clone(invocation)).await {
            Some(outcome) => return Ok((lease, outcome)),
            None => lease.release(false).await,
        }
    }
    Err(Refused::Failed(
        "its sandboxes end by themselves".to_owned(),
    ))
}

/// Runs functions.
#[derive(Clone, Debug)]
pub struct Invoker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    starter: Arc<dyn Starter>,
    /// By the function's key.
    pools: Mutex<HashMap<(String, String), Arc<Pool>>>,
    limits: Limits,
    events: Events,
    metrics: Arc<Metrics>,
    tasks: TaskTracker,
    /// What is under way: invocations, and events that wait.
    running: TaskTracker,
    /// Set when nothing new is to begin.
    ending: CancellationToken,
}

/// An invocation that has an outcome.
#[derive(Debug)]
pub struct Invoked {
    /// What became of it.
    pub outcome: Outcome,
    /// What it has said and cost, when it is over.
    pub settled: oneshot::Receiver<Settled>,
}

impl Invoker {
    /// Runs functions in sandboxes that somebody starts, as many as the limits allow.
    #[must_use]
    pub fn new(
        starter: Arc<dyn Starter>,
        limits: Limits,
        events: &Events,
        tasks: &TaskTracker,
    ) -> Self {
        let shared = Shared {
            starter,
            pools: Mutex::default(),
            limits,
            events: events.clone(),
            metrics: Arc::default(),
            tasks: tasks.clone(),
            running: TaskTracker::new(),
            ending: CancellationToken::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// What has been counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// What is told of its doings.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.shared.events
    }

    /// Runs a function. Whoever asks may go away: what has begun goes on, as in the service.
    ///
    /// # Errors
    /// The function has as many invocations as it may have, or no sandbox can be started.
    pub async fn invoke(
        &self,
        function: &Arc<Function>,
        invocation: Invocation,
    ) -> Result<Invoked, Refused> {
        let (reply_tx, reply_rx) = oneshot::channel();
        let (pool, metrics) = (self.pool(function), Arc::clone(&self.shared.metrics));
        let path = function.path.clone();
        self.track(async move {
            let (id, invocation) = (invocation.request_id.clone(), Arc::new(invocation));
            let (mut lease, outcome) = match run(&pool, &invocation, || !reply_tx.is_closed()).await {
                Ok(run) => run,
                Err(refused) => {
                    metrics.refused(&path, &refused);
                    let _ = reply_tx.send(Err(refused));
                    return;
                }
            };
            let lost = matches!(outcome, Outcome::Lost(_));
            metrics.ended(&path, &outcome);
            let streams = matches!(&outcome, Outcome::Success(response) if matches!(response.body, Body::Stream(_)));
            // What is streamed goes on as long as the function likes.
            if !streams {
                lease.answered();
            }
            let (settled_tx, settled_rx) = oneshot::channel();
            let _ = reply_tx.send(Ok(Invoked {
                outcome,
                settled: settled_rx,
            }));
            let settled = lease.tee().settled(&id).await;
            if let Some(report) = &settled.report {
                metrics.reported(&path, report, streams);
            }
            let _ = settled_tx.send(settled);
            lease.release(!lost).await;
        });
        let gone = |_| Err(Refused::Failed("the service ends".to_owned()));
        reply_rx.await.unwrap_or_else(gone)
    }

    /// Does something that is waited for when everything ends.
    pub fn track(&self, work: impl Future<Output = ()> + Send + 'static) {
        let work = self.shared.running.track_future(work);
        self.shared.tasks.spawn(work);
    }

    /// Starts a sandbox for a function before anybody asks.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn warm(&self, function: &Arc<Function>) -> Result<(), Refused> {
        let lease = self.pool(function).acquire().await?;
        lease.release(true).await;
        Ok(())
    }

    /// Ends sandboxes that nobody has used for this long; until this ends, they are looked at now and then.
    pub async fn retire_idle(self, after: Duration) {
        let pace = (after / 4).clamp(Duration::from_millis(100), Duration::from_secs(5));
        loop {
            tokio::time::sleep(pace).await;
            for pool in self.pools() {
                pool.retire(after).await;
            }
        }
    }

    /// Begins nothing more, ends all sandboxes that do not run anything, and waits for what runs.
    pub async fn stop(&self) {
        self.shared.ending.cancel();
        let stopped = self
            .pools()
            .into_iter()
            .map(|pool| async move { pool.close().await });
        futures_util::future::join_all(stopped).await;
        self.shared.running.close();
        self.shared.running.wait().await;
    }

    fn pools(&self) -> Vec<Arc<Pool>> {
        let pools = self.shared.pools.lock();
        let pools = pools.unwrap_or_else(PoisonError::into_inner);
        pools.values().cloned().collect()
    }

    /// The pool of a function.
    fn pool(&self, function: &Arc<Function>) -> Arc<Pool> {
        let pools = self.shared.pools.lock();
        let mut pools = pools.unwrap_or_else(PoisonError::into_inner);
        let pool = pools.entry(function.key()).or_insert_with(|| {
            let shared = &self.shared;
            let parts = pool::Parts {
                starter: Arc::clone(&shared.starter),
                events: shared.events.clone(),
                metrics: Arc::clone(&shared.metrics),
                tasks: shared.tasks.clone(),
            };
            let mut limits = shared.limits;
            if let Some(most) = shared.starter.most(function) {
                limits.sandboxes = limits.sandboxes.min(most);
            }
            Arc::new(Pool::new(Arc::clone(function), limits, parts))
        });
        Arc::clone(pool)
    }
}
