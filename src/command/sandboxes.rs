//! Starts the sandboxes of a service: each as `local invoke` would start it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::debug;
use super::prepare::{Prepare, Wanted, adapted, invoking};
use super::variables::Sources;
use crate::engine::docker::Docker;
use crate::env::Env;
use crate::error::Error;
use crate::function::Function;
use crate::invoke::{Boxed, Starter};
use crate::lambda::Events;
use crate::sandbox::{Plan, Sandbox};
use crate::settings::Common;

/// Which functions are started for a debugger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Debugged {
    All,
    /// Those of these keys.
    Only(Vec<(String, String)>),
}

/// What sandboxes are started with.
pub(super) struct Parts {
    pub(super) common: Common,
    pub(super) env: Env,
    pub(super) events: Events,
    pub(super) docker: Docker,
    pub(super) sources: Sources,
    pub(super) debugged: Debugged,
    pub(super) tasks: TaskTracker,
    /// Whether a plan is kept: else code may have changed when the next sandbox is started.
    pub(super) keep: bool,
}

/// Plans by the function's key.
type Plans = HashMap<(String, String), Arc<OnceCell<Plan>>>;

/// Starts sandboxes.
pub(super) struct Sandboxes {
    parts: Parts,
    plans: Mutex<Plans>,
}

impl fmt::Debug for Sandboxes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandboxes").finish_non_exhaustive()
    }
}

impl Sandboxes {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            parts,
            plans: Mutex::default(),
        }
    }

    async fn sandbox(&self, function: &Function, events: &Events) -> Result<Sandbox, Error> {
        let is_debugged = self.is_debugged(function);
        let prepared = if is_debugged {
            debug::prepare(&self.parts.common, function).await?
        } else {
            debug::Prepared::default()
        };
        self.parts.events.note(invoking(function));
        let wanted = Wanted {
            launch: prepared.launch,
            patience: Duration::ZERO,
        };
        let mut plan = if self.parts.keep && !is_debugged {
            let cell = self.cell(function);
            let planned = cell.get_or_try_init(|| self.plan(function, wanted));
            planned.await?.clone()
        } else {
            self.plan(function, wanted).await?
        };
        plan.spec.name = format!("sam-rs-{}", Uuid::new_v4().simple());
        let started = Sandbox::start(
            &self.parts.docker,
            plan,
            prepared.ports,
            events,
            &self.parts.tasks,
        );
        Ok(started.await?)
    }

    fn is_debugged(&self, function: &Function) -> bool {
        match &self.parts.debugged {
            Debugged::All => true,
            Debugged::Only(keys) => keys.contains(&function.key()),
        }
    }

    /// The plan of a function: one at a time is made, so that an image is asked for once.
    fn cell(&self, function: &Function) -> Arc<OnceCell<Plan>> {
        let plans = self.plans.lock();
        let mut plans = plans.unwrap_or_else(PoisonError::into_inner);
        Arc::clone(plans.entry(function.key()).or_default())
    }

    async fn plan(&self, function: &Function, wanted: Wanted) -> Result<Plan, Error> {
        let prepare = Prepare {
            common: &self.parts.common,
            env: &self.parts.env,
            events: &self.parts.events,
            docker: &self.parts.docker,
            sources: &self.parts.sources,
        };
        if self.is_debugged(function) {
            let adapted = adapted(function.clone(), &self.parts.common);
            prepare.plan(&adapted, wanted).await
        } else {
            prepare.plan(function, wanted).await
        }
    }
}

impl Starter for Sandboxes {
    fn most(&self, function: &Function) -> Option<usize> {
        // A debugger attaches to one process.
        self.is_debugged(function).then_some(1)
    }

    fn start<'a>(
        &'a self,
        function: &'a Arc<Function>,
        events: Events,
    ) -> Boxed<'a, Result<Sandbox, String>> {
        Box::pin(async move {
            let started = self.sandbox(function, &events).await;
            started.map_err(|error| {
                // Whoever invokes is told in one line; whoever runs the service, all.
                self.parts.events.note(error.render(false).trim_end());
                error.to_string()
            })
        })
    }
}
