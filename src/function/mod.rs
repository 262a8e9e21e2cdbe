//! Functions as they run: fully resolved and immutable. Knows the template, not how a function will run.

mod catalog;
mod error;
mod properties;
mod runtime;
pub mod variables;

use std::path::PathBuf;
use std::time::Duration;

pub use catalog::Catalog;
pub use error::LookupError;
pub use runtime::{Architecture, Runtime};

use crate::lambda::Arn;

/// Default of the service, in MB.
pub const DEFAULT_MEMORY: u64 = 128;
/// Default of the service.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

/// A function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Name in the template.
    pub logical_id: String,
    /// Name in the service: `FunctionName`, or the logical id.
    pub name: String,
    /// Full name in the service.
    pub arn: Arn,
    /// Runtime that it is written for.
    pub runtime: Runtime,
    /// Entry point, in the runtime's terms.
    pub handler: String,
    /// Directory of the code, absolute.
    pub code: PathBuf,
    /// Memory in MB.
    pub memory_mb: u64,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// Instruction set.
    pub architecture: Architecture,
    /// Variables of the template, in its order; empty where one could not be resolved.
    pub variables: Vec<(String, String)>,
    /// Log settings of the template.
    pub logging: Logging,
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
}
