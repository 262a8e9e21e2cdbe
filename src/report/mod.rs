//! Shows events: the function's output and the figures on standard error or in the log file, the answer on standard
//! output. Nothing else of the program writes to them. Knows events only.

mod envelope;
mod lines;
mod output;
mod plain;
mod pull;

pub use output::{Form, Streams, Writer};
pub use plain::Reporter;
