//! The vocabulary of the Lambda service. Pure; used by every module, uses none.

mod body;
pub mod event;
pub mod headers;
mod ids;
mod invocation;
mod outcome;
mod output;
pub mod platform;

pub use body::{Body, BodyEnd, BodyWriter};
pub use event::{Event, Events};
pub use ids::{Arn, LayerArn, RequestId, TraceId, partition};
pub use invocation::{Deadline, Invocation, one_line};
pub use outcome::{FunctionError, Outcome, Response};
pub use output::{LogFormat, Output, choose};

/// Largest event of a synchronous invocation, in bytes.
pub const MAX_EVENT: usize = 6 * 1024 * 1024;
/// Largest buffered response, in bytes: 6 MiB and 100.
pub const MAX_RESPONSE: usize = MAX_EVENT + 100;
/// The only version that runs here.
pub const LATEST: &str = "$LATEST";
