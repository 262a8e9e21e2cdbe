//! Exit codes. Scripts depend on them, so they live here only.

use std::process::ExitCode;

use crate::lambda::Outcome;
use crate::shutdown::Interrupt;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: the function ran. Whether it failed is in its result.
    Success,
    /// 1: something that the user must mend, or memory ran out.
    Failure,
    /// 2: the command line is wrong.
    Usage,
    /// 3: the function failed, and `--fail-on-error` was given.
    FunctionFailed,
    /// 128 and the number of the signal that ended the process.
    Interrupted(Interrupt),
}

impl Exit {
    /// The code for an outcome.
    #[must_use]
    pub fn of(outcome: &Outcome, fail_on_error: bool) -> Self {
        match outcome {
            Outcome::OutOfMemory(_) | Outcome::Lost(_) => Self::Failure,
            Outcome::Error(_) | Outcome::TimedOut { .. } | Outcome::Crashed(_) if fail_on_error => {
                Self::FunctionFailed
            }
            Outcome::Success(_)
            | Outcome::Error(_)
            | Outcome::TimedOut { .. }
            | Outcome::Crashed(_) => Self::Success,
        }
    }

    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::FunctionFailed => 3,
            Self::Interrupted(interrupt) => 128 + interrupt.number(),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
