//! Functions as they run: fully resolved and immutable. Knows the template, not how a function will run.

mod asynchronous;
mod catalog;
mod code;
mod error;
mod identifier;
mod image;
mod known;
mod properties;
mod reader;
mod register;
mod runtime;
pub mod variables;

use std::path::PathBuf;
use std::time::Duration;

pub use catalog::{Catalog, Declared, Found};
pub use code::{Code, Layer};
pub use error::LookupError;
pub use identifier::Identifier;
pub use register::{Register, Served};
pub use runtime::{Architecture, Runtime};

use crate::lambda::event::{LogLevel, PlatformLogs};
use crate::lambda::{Arn, LATEST};

/// Default of the service, in MB.
pub const DEFAULT_MEMORY: u64 = 128;
/// Default of the service.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

/// Invocations at once on managed instances, as SAM CLI has it.
pub const DEFAULT_CONCURRENCY: u32 = 4;
/// Default of the service, in MB.
pub const DEFAULT_STORAGE: u64 = 512;

/// A function.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Function {
    /// The stacks above it, with slashes; empty in the root stack.
    pub stack: String,
    /// Its id with the stacks above it: the name that nothing else has.
    pub path: String,
    /// Name in the template.
    pub logical_id: String,
    /// Name in the service: `FunctionName`, or the logical id.
    pub name: String,
    /// Full name in the service.
    pub arn: Arn,
    /// What it is made of.
    pub package: Package,
    /// Memory in MB.
    pub memory_mb: u64,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// Instruction set.
    pub architecture: Architecture,
    /// Variables of the template, in its order; empty where one could not be resolved.
    pub variables: Vec<(String, String)>,
    /// Layers, in their order.
    pub layers: Vec<Layer>,
    /// Log settings of the template.
    pub logging: Logging,
    /// Size of `/tmp` in MB.
    pub storage_mb: u64,
    /// How many invocations an environment takes at once, where the function runs on managed instances.
    pub concurrency: Option<u32>,
    /// Whether an invocation names a tenant.
    pub tenancy: bool,
    /// Whether its invocations are traced.
    pub traced: bool,
    /// Whether published versions start from a snapshot.
    pub snap_start: bool,
    /// Whether it has a URL.
    pub url: bool,
    /// Names that versions of it have.
    pub aliases: Vec<String>,
    /// How many invocations it may have at once, where the template says so.
    pub reserved: Option<u32>,
    /// What it is for, in the template's words.
    pub description: Option<String>,
    /// What becomes of events that nobody waits for.
    pub asynchronous: Asynchronous,
}

/// What becomes of events that nobody waits for the answer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asynchronous {
    /// How often one is tried again.
    pub retries: u32,
    /// How long it may wait.
    pub max_age: Duration,
    /// Where the answer goes.
    pub on_success: Option<String>,
    /// Where an event goes that could not be handled.
    pub on_failure: Option<String>,
    /// The queue or topic for such events.
    pub dead_letters: Option<String>,
}

impl Default for Asynchronous {
    /// As in the service.
    fn default() -> Self {
        Self {
            retries: 2,
            max_age: Duration::from_hours(6),
            on_success: None,
            on_failure: None,
            dead_letters: None,
        }
    }
}

impl Logging {
    /// The form of the platform's lines.
    #[must_use]
    pub fn platform(&self) -> PlatformLogs {
        if self.format.as_deref() != Some("JSON") {
            return PlatformLogs::Text;
        }
        PlatformLogs::Json(match self.system_level.as_deref() {
            Some("DEBUG") => LogLevel::Debug,
            Some("WARN") => LogLevel::Warn,
            _ => LogLevel::Info,
        })
    }
}

impl Function {
    /// What tells it from all others: its stack and logical id. Constructs of one name may have the same path.
    #[must_use]
    pub fn key(&self) -> (String, String) {
        (self.stack.clone(), self.logical_id.clone())
    }

    /// Whether it can be invoked by this version or alias: which versions there are, only the service knows.
    #[must_use]
    pub fn has(&self, qualifier: &str) -> bool {
        qualifier == LATEST
            || qualifier.bytes().all(|digit| digit.is_ascii_digit())
            || self.aliases.iter().any(|alias| alias == qualifier)
    }

    /// How an environment of it comes to be, in the service's words.
    #[must_use]
    pub fn initialization(&self) -> &'static str {
        match self.concurrency {
            Some(_) => "lambda-managed-instances",
            None => "on-demand",
        }
    }

    /// Entry point in the runtime's terms; of an image the first word of its command.
    #[must_use]
    pub fn handler(&self) -> &str {
        match &self.package {
            Package::Zip(zip) => &zip.handler,
            Package::Image(image) => image.command.first().map_or("", String::as_str),
        }
    }
}

/// What a function is made of.
#[derive(Clone, Debug)]
pub enum Package {
    /// Code for one of Lambda's runtimes.
    Zip(Zip),
    /// An image of its own.
    Image(Image),
}

/// Code for one of Lambda's runtimes.
#[derive(Clone, Debug)]
pub struct Zip {
    /// Runtime that it is written for.
    pub runtime: Runtime,
    /// Entry point, in the runtime's terms.
    pub handler: String,
    /// Where it is.
    pub code: Code,
}

/// An image that is a function.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Its name.
    pub uri: String,
    /// The archive that it is in, where it is in one on this machine.
    pub archive: Option<PathBuf>,
    /// How it is built, where the template says so.
    pub build: Option<ImageBuild>,
    /// Instead of the image's command.
    pub command: Vec<String>,
    /// Instead of the image's entry point.
    pub entrypoint: Vec<String>,
    /// Instead of the image's working directory.
    pub working_directory: Option<String>,
}

/// How an image is built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageBuild {
    /// The directory that is its context, absolute.
    pub context: PathBuf,
    /// The file in it that says how.
    pub dockerfile: String,
    /// Values of the file's arguments.
    pub args: Vec<(String, String)>,
    /// The stage to build, where not the last.
    pub target: Option<String>,
}

/// Log settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// Log group, where the template names one.
    pub group: Option<String>,
    /// `JSON` or `Text`.
    pub format: Option<String>,
    /// Lowest level of the function's own records, with the format `JSON`.
    pub level: Option<String>,
    /// Lowest level of the platform's records, with the format `JSON`.
    pub system_level: Option<String>,
}
