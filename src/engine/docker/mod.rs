//! Docker and engines that speak its API.

mod archive;
mod build;
mod client;
mod create;
mod endpoint;
mod ignored;
mod image;
mod registry;
mod rendezvous;
mod start;

use std::path::Path;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

pub use client::{Client, Removal};
pub use endpoint::Endpoint;
pub use rendezvous::sweep as sweep_sockets;

use super::reaper::Reaper;
use super::{
    Boxed, Engine, EngineError, ImageBuild, ImageFacts, ImageRequest, Images, Instance, Spec,
};
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

impl Images for Docker {
    fn image<'a>(
        &'a self,
        request: &'a ImageRequest<'a>,
    ) -> Boxed<'a, Result<ImageFacts, EngineError>> {
        Box::pin(image::obtain(
            &self.client,
            &self.env,
            &self.events,
            request,
        ))
    }

    fn find<'a>(&'a self, image: &'a str) -> Boxed<'a, Result<Option<ImageFacts>, EngineError>> {
        Box::pin(image::find(&self.client, image))
    }

    fn build<'a>(&'a self, build: &'a ImageBuild) -> Boxed<'a, Result<(), EngineError>> {
        Box::pin(build::build(self, build))
    }

    fn load<'a>(&'a self, archive: &'a Path) -> Boxed<'a, Result<String, EngineError>> {
        Box::pin(build::load(self, archive))
    }
}

impl Engine for Docker {
    fn start<'a>(&'a self, spec: &'a Spec) -> Boxed<'a, Result<Instance, EngineError>> {
        Box::pin(start::start(self, spec))
    }
}
