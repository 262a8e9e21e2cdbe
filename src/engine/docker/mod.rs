//! Docker and engines that speak its API.

mod archive;
mod client;
mod create;
mod endpoint;
mod image;
mod rendezvous;
mod start;

use std::sync::Arc;

use tokio_util::task::TaskTracker;

pub use client::{Client, Removal};
pub use endpoint::Endpoint;
pub use rendezvous::sweep as sweep_sockets;

use super::reaper::Reaper;
use super::{Boxed, Engine, EngineError, ImageFacts, Instance, PullPolicy, Spec};
use crate::env::Env;
use crate::lambda::Events;

/// The engine.
#[derive(Debug)]
pub struct Docker {
    client: Arc<Client>,
    reaper: Reaper,
    env: Env,
    events: Events,
    tasks: TaskTracker,
}

impl Docker {
    /// Finds the engine. Nothing is asked of it yet: the first request that is needed anyway tells whether it answers.
    ///
    /// # Errors
    /// No address, or one that cannot be used.
    pub fn find(env: &Env, events: &Events, tasks: &TaskTracker) -> Result<Self, EngineError> {
        let endpoint = Endpoint::find(env)?;
        let reaper = Reaper::start(&endpoint.to_string());
        let client = Arc::new(Client::new(&endpoint)?);
        Ok(Self {
            client,
            reaper,
            env: env.clone(),
            events: events.clone(),
            tasks: tasks.clone(),
        })
    }
}

impl Engine for Docker {
    fn image<'a>(
        &'a self,
        image: &'a str,
        policy: PullPolicy,
    ) -> Boxed<'a, Result<ImageFacts, EngineError>> {
        Box::pin(image::obtain(
            &self.client,
            &self.env,
            &self.events,
            image,
            policy,
        ))
    }

    fn start<'a>(&'a self, spec: &'a Spec) -> Boxed<'a, Result<Instance, EngineError>> {
        Box::pin(start::start(self, spec))
    }
}
