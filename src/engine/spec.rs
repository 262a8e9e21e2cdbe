//! What a sandbox needs, in no engine's terms.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use crate::lambda::choose;

/// A sandbox to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    /// Name of the sandbox, chosen before it exists so that it can always be removed.
    pub name: String,
    /// Image that holds the runtime.
    pub image: String,
    /// Architecture of the image, in the engine's words, where it is not the engine's own.
    pub architecture: Option<&'static str>,
    /// Memory limit in MB; none for no limit.
    pub memory_mb: Option<u64>,
    /// Thousandths of a processor that it may use; none for no limit.
    pub milli_cpus: Option<u64>,
    /// User and group that everything inside runs as; none for the image's.
    pub user: Option<String>,
    /// Files that a process may have open.
    pub open_files: Option<u32>,
    /// What the sandbox can reach.
    pub network: Network,
    /// Further names that it knows, each with its address: `name:address`.
    pub hosts: Vec<String>,
    /// Name servers; none for the engine's.
    pub dns: Vec<String>,
    /// Directories of this machine to be seen inside, read-only.
    pub content: Vec<Content>,
    /// Marks by which the sandbox can be found.
    pub labels: BTreeMap<String, String>,
    /// How the supervisor talks to sam-rs.
    pub transport: Transport,
    /// Port of the sandbox's loopback that the supervisor listens on; none for any free one.
    pub port: Option<u16>,
    /// Whether processes inside may trace each other, as a debugger does.
    pub tracing: bool,
}

/// A directory of this machine and where it is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Absolute path here.
    pub source: PathBuf,
    /// Absolute path inside.
    pub target: String,
}

/// What a sandbox can reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// The engine's default network.
    #[default]
    Default,
    /// Nothing.
    None,
    /// This machine's own network.
    Host,
    /// The engine's default network and another.
    Named(String),
}

impl From<&str> for Network {
    fn from(name: &str) -> Self {
        match name {
            "" | "default" | "bridge" => Self::Default,
            "none" => Self::None,
            "host" => Self::Host,
            name => Self::Named(name.to_owned()),
        }
    }
}

/// How the supervisor talks to sam-rs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// A Unix socket where the engine sees this machine's files, else standard input and output.
    #[default]
    Auto,
    /// Standard input and output, with files mounted.
    Stdio,
    /// Standard input and output, with files copied in: for an engine on another machine.
    Archive,
}

impl Transport {
    /// The words for them.
    pub const CHOICES: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("stdio", Self::Stdio),
        ("archive", Self::Archive),
    ];
}

impl FromStr for Transport {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        choose(text, Self::CHOICES)
    }
}

/// When to ask a registry for an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// When it is not here.
    #[default]
    Missing,
    /// Every time; what is here serves when the registry cannot be reached.
    Always,
    /// Never.
    Never,
}

impl PullPolicy {
    /// The words for them.
    pub const CHOICES: &'static [(&'static str, Self)] = &[
        ("missing", Self::Missing),
        ("always", Self::Always),
        ("never", Self::Never),
    ];
}

impl FromStr for PullPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        choose(text, Self::CHOICES)
    }
}
