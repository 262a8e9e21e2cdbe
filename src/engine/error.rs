//! What can go wrong with an engine: one variant a failed action, advice apart from the text.

use std::io;

/// A failed action of an engine.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the docs of a variant name its fields")]
pub enum EngineError {
    /// No engine answers.
    #[error(
        "Running AWS SAM projects locally requires a container runtime. Do you have Docker or Finch installed and \
         running?"
    )]
    NotFound {
        /// Every address that was tried and what became of it.
        tried: Vec<String>,
    },
    /// The engine's socket is there and refuses this user.
    #[error("no permission to use the container engine at {address}")]
    Permission { address: String },
    /// The engine's address cannot be used.
    #[error("the container engine's address '{address}' (from {origin}) cannot be used: {reason}")]
    Address {
        address: String,
        origin: String,
        reason: String,
    },
    /// A Docker context cannot be read.
    #[error("the Docker context '{name}' cannot be read: {reason}")]
    Context { name: String, reason: String },
    /// The image is not here and must not be pulled.
    #[error("image {image} is not here, and pulling is forbidden")]
    ImageMissing { image: String },
    /// The image is not here and cannot be had.
    #[error("Could not find {image} image locally and failed to pull it from docker.")]
    Pull { image: String, reason: String },
    /// An image could not be built.
    #[error("Error building docker image: {reason}")]
    Build { reason: String },
    /// An archive has no image that can be used.
    #[error("the image archive {path} cannot be loaded: {reason}")]
    Load { path: String, reason: String },
    /// The engine refused to make the container.
    #[error("Container creation failed: {reason}, check template for potential issue")]
    Create { reason: String, status: Option<u16> },
    /// There is no such network.
    #[error("there is no network '{name}'")]
    Network { name: String, known: Vec<String> },
    /// The container could not be started.
    #[error("the container could not be started: {reason}")]
    Start { reason: String },
    /// The supervisor did not speak up.
    #[error("the sandbox did not come up: {reason}")]
    Silent { reason: String },
    /// This build cannot serve the engine's platform.
    #[error("this sam-rs has no supervisor for {platform}")]
    Platform { platform: String },
    /// Files of this machine are in the way.
    #[error("{action} failed: {source}")]
    Files { action: String, source: io::Error },
    /// Any other request.
    #[error("the container engine refused to {action}: {reason}")]
    Request {
        action: &'static str,
        reason: String,
    },
}

impl EngineError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotFound { tried } => {
                let tried: Vec<_> = tried.iter().map(|line| format!("\n  {line}")).collect();
                format!("start the engine (on Debian: `sudo systemctl start docker`), or set DOCKER_HOST; tried:{}", tried.concat())
            }
            Self::Permission { .. } => {
                "add your user to the group that owns the socket (`sudo usermod -aG docker $USER`, then log in again)".into()
            }
            Self::Address { .. } => "use unix:///path/to/docker.sock or tcp://host:port".into(),
            Self::Context { .. } => "choose another with DOCKER_CONTEXT, or set DOCKER_HOST".into(),
            Self::ImageMissing { image } => format!("load it (`docker load`, `docker pull {image}`), or run without `--pull never`"),
            Self::Pull { image, reason } => format!(
                "{reason}\nwhen offline, load the image from another machine: `docker save {image} | ssh HERE docker load`"
            ),
            Self::Network { known, .. } if known.is_empty() => return None,
            Self::Network { known, .. } => format!("the engine has these: {}", known.join(", ")),
            Self::Silent { .. } => "run again with --debug to see what the engine was asked".into(),
            Self::Platform { .. } => "build sam-rs on the engine's platform, where a static C library is installed".into(),
            Self::Build { .. } | Self::Load { .. } | Self::Create { .. } | Self::Start { .. } | Self::Files { .. } | Self::Request { .. } => return None,
        })
    }
}
