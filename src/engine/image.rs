//! Images, in no engine's terms: how one is asked for, how one is built, what one is configured with.

use std::fmt;
use std::path::PathBuf;

use super::{Boxed, PullPolicy};

/// An image that is to be here.
#[derive(Clone, Copy, Debug)]
pub struct ImageRequest<'a> {
    /// Its name.
    pub name: &'a str,
    /// When to ask a registry.
    pub policy: PullPolicy,
    /// Architecture that is wanted, in the engine's words, where it is not the engine's own.
    pub architecture: Option<&'static str>,
    /// Who may know how to log in to its registry.
    pub logins: &'a dyn Logins,
}

/// Whoever may know how to log in to a registry that the Docker CLI's configuration has no login for.
pub trait Logins: Send + Sync + fmt::Debug {
    /// User and password for a registry; none where it is not known.
    fn login<'a>(&'a self, registry: &'a str) -> Boxed<'a, Option<(String, String)>>;
}

/// Nobody.
#[derive(Clone, Copy, Debug)]
pub struct NoLogins;

impl Logins for NoLogins {
    fn login<'a>(&'a self, _: &'a str) -> Boxed<'a, Option<(String, String)>> {
        Box::pin(async { None })
    }
}

/// An image that is to be built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageBuild {
    /// Its name.
    pub name: String,
    /// The directory with all that it is made of.
    pub context: PathBuf,
    /// The file in that directory that says how.
    pub dockerfile: String,
    /// Values of the file's arguments.
    pub args: Vec<(String, String)>,
    /// The stage to build, where not the last.
    pub target: Option<String>,
    /// Architecture that is wanted, in the engine's words, where it is not the engine's own.
    pub architecture: Option<&'static str>,
}

/// What an image is configured with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// The name it is here under, which may lack the architecture that was asked for.
    pub name: String,
    /// Its architecture, in the engine's words.
    pub architecture: String,
    /// Entry point.
    pub entrypoint: Vec<String>,
    /// Command, the entry point's arguments.
    pub command: Vec<String>,
    /// Environment.
    pub env: Vec<(String, String)>,
    /// Working directory, where it names one.
    pub working_dir: Option<String>,
}
