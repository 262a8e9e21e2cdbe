//! The streams of the process, as the program is given them.

use std::fmt;

use tokio::io::AsyncWrite;

use crate::lambda::{LogFormat, Output};

/// In which form everything is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Form {
    /// Answers.
    pub output: Output,
    /// Everything else.
    pub logs: LogFormat,
}

/// A stream to write to.
pub type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Standard output and error.
pub struct Streams {
    /// For the answer.
    pub stdout: Writer,
    /// For everything else.
    pub stderr: Writer,
    /// Whether a person reads standard output.
    pub stdout_is_terminal: bool,
    /// Whether a person reads standard error.
    pub stderr_is_terminal: bool,
    /// Whether standard error takes colours.
    pub styled: bool,
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams")
            .field("stdout_is_terminal", &self.stdout_is_terminal)
            .finish_non_exhaustive()
    }
}
