//! The seam to whatever isolates a function. An engine starts the supervisor where the function shall live and yields
//! a duplex byte stream to it; it knows neither functions nor the Runtime API.

pub mod docker;
mod error;
mod image;
pub mod owner;
pub mod reaper;
mod spec;
mod supervisor;

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

pub use error::EngineError;
pub use image::{ImageBuild, ImageFacts, ImageRequest, Logins, NoLogins};
pub use spec::{Content, Network, PullPolicy, Spec, Transport};

/// A future behind a trait object; its cost is nothing beside a container's.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Something that can isolate a function.
pub trait Engine: Send + Sync + fmt::Debug {
    /// Starts a sandbox.
    fn start<'a>(&'a self, spec: &'a Spec) -> Boxed<'a, Result<Instance, EngineError>>;
}

/// Where images come from, for engines that need them.
pub trait Images: Send + Sync + fmt::Debug {
    /// Makes sure that an image is here and says what it is configured with.
    fn image<'a>(
        &'a self,
        request: &'a ImageRequest<'a>,
    ) -> Boxed<'a, Result<ImageFacts, EngineError>>;

    /// An image that is here; none where it is not.
    fn find<'a>(&'a self, image: &'a str) -> Boxed<'a, Result<Option<ImageFacts>, EngineError>>;

    /// Builds an image.
    fn build<'a>(&'a self, build: &'a ImageBuild) -> Boxed<'a, Result<(), EngineError>>;

    /// Takes the image that an archive has, and says how it is called.
    fn load<'a>(&'a self, archive: &'a Path) -> Boxed<'a, Result<String, EngineError>>;
}

/// A started sandbox.
pub struct Instance {
    /// The engine's id of it.
    pub id: String,
    /// From the supervisor.
    pub reader: Box<dyn AsyncRead + Send + Unpin>,
    /// To the supervisor.
    pub writer: Box<dyn AsyncWrite + Send + Unpin>,
    /// The sandbox as the engine sees it.
    pub handle: Box<dyn Handle>,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What remains to be asked of the engine while the supervisor does the rest.
pub trait Handle: Send + Sync {
    /// Why the sandbox ended, when its channel ended unasked.
    fn ended(&self) -> Boxed<'_, Ended>;

    /// Removes the sandbox by force: for a supervisor that does not answer any more.
    fn remove(&self) -> Boxed<'_, ()>;

    /// The supervisor has ended as asked, so nothing is left to guard.
    fn release(&self);
}

/// Why a sandbox ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The engine's own word that memory ran out.
    pub out_of_memory: bool,
    /// What the engine knows, for people.
    pub reason: String,
}
