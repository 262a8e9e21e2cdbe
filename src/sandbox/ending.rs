//! How the end of a process, or one that never started, becomes an outcome in the service's words. Pure.

use std::time::Duration;

use crate::channel::frame::Exit;
use crate::lambda::event::Failure;
use crate::lambda::{FunctionError, MAX_RESPONSE, Outcome, RequestId};

pub(super) const ENOENT: i32 = 2;
const EACCES: i32 = 13;
const ENOEXEC: i32 = 8;
pub(super) const SIGKILL: i32 = 9;

/// The outcome of a runtime that ended without an answer.
pub(super) fn exited(request_id: &RequestId, exit: &Exit) -> Outcome {
    let reason = match (exit.status, exit.signal) {
        (Some(0), _) => "Runtime exited without providing a reason".to_owned(),
        (Some(status), _) => format!("Runtime exited with error: exit status {status}"),
        (None, signal) => format!(
            "Runtime exited with error: signal: {}",
            signal_name(signal.unwrap_or_default())
        ),
    };
    let message = format!("RequestId: {request_id} Error: {reason}");
    if exit.out_of_memory && exit.signal == Some(SIGKILL) {
        return Outcome::OutOfMemory(FunctionError::new("Runtime.OutOfMemory", message));
    }
    Outcome::Crashed(FunctionError::new("Runtime.ExitError", message))
}

/// The outcome of a runtime whose program could not be started.
pub(super) fn not_started(
    request_id: &RequestId,
    errno: i32,
    path: &str,
    bootstraps: &[String],
) -> Outcome {
    let reason = if errno == ENOENT && !bootstraps.is_empty() {
        format!(
            "Couldn't find valid bootstrap(s): [{}]",
            bootstraps.join(" ")
        )
    } else {
        format!("fork/exec {path}: {}", errno_name(errno))
    };
    let message = format!("RequestId: {request_id} Error: {reason}");
    Outcome::Crashed(FunctionError::new("Runtime.InvalidEntrypoint", message))
}

/// What to do about a program that is there and could not be started.
pub(super) fn start_hint(errno: i32, path: &str) -> Option<String> {
    match errno {
        ENOENT => Some(format!(
            "{path} is there, but not the program that its first line names; a line that ends in CRLF names one with a \
             carriage return"
        )),
        EACCES => Some(format!(
            "{path} is not executable, or the user of the image may not read it: `chmod 755` its file"
        )),
        ENOEXEC => Some(format!(
            "{path} is neither a program for this processor nor a script whose first line begins with #!"
        )),
        _ => None,
    }
}

/// The outcome of an invocation whose time was up.
pub(super) fn timed_out(request_id: &RequestId, after: Duration) -> Outcome {
    let seconds = after.as_secs_f64();
    let message =
        format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds");
    Outcome::TimedOut {
        error: FunctionError::new("Sandbox.Timedout", message),
        after,
    }
}

/// The outcome of an answer above the limit.
pub(super) fn too_large() -> Outcome {
    let text = format!(
        "Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} bytes)."
    );
    Outcome::Crashed(FunctionError::new("Function.ResponseSizeTooLarge", text))
}

/// The outcome of an answer in a mode that does not exist.
pub(super) fn invalid_mode() -> Outcome {
    let text = "Invalid function response mode";
    Outcome::Crashed(FunctionError::new(
        "Runtime.InvalidResponseModeHeader",
        text,
    ))
}

/// The outcome of an answer that broke off.
pub(super) fn truncated(request_id: &RequestId) -> Outcome {
    let message = format!("RequestId: {request_id} Error: Response truncated");
    Outcome::Crashed(FunctionError::new("Runtime.TruncatedResponse", message))
}

/// What the report says of an outcome.
pub(super) fn failure(outcome: &Outcome) -> Option<Failure> {
    match outcome {
        Outcome::Success(_) | Outcome::Error(_) => None,
        Outcome::TimedOut { .. } => Some(Failure::Timeout),
        Outcome::Crashed(error) | Outcome::OutOfMemory(error) => {
            Some(Failure::Error(error.kind.clone()))
        }
        Outcome::Lost(_) => Some(Failure::Error("Sandbox.Failure".to_owned())),
    }
}

/// Names of signals as the service writes them.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

fn errno_name(errno: i32) -> String {
    match errno {
        ENOENT => "no such file or directory".to_owned(),
        EACCES => "permission denied".to_owned(),
        ENOEXEC => "exec format error".to_owned(),
        other => std::io::Error::from_raw_os_error(other).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_in_the_service_s_words() {
        let id = RequestId::random();
        let text = |exit: Exit| {
            exited(&id, &exit)
                .platform_error()
                .unwrap()
                .message
                .replace(id.as_str(), "ID")
        };
        let status = |status| {
            text(Exit {
                status: Some(status),
                ..Exit::default()
            })
        };
        let signal = |signal| {
            text(Exit {
                signal: Some(signal),
                ..Exit::default()
            })
        };
        assert_eq!(
            status(0),
            "RequestId: ID Error: Runtime exited without providing a reason"
        );
        assert_eq!(
            status(5),
            "RequestId: ID Error: Runtime exited with error: exit status 5"
        );
        assert_eq!(
            signal(11),
            "RequestId: ID Error: Runtime exited with error: signal: segmentation fault"
        );
        let out_of_memory = Exit {
            signal: Some(9),
            out_of_memory: true,
            ..Exit::default()
        };
        assert!(matches!(
            exited(&id, &out_of_memory),
            Outcome::OutOfMemory(_)
        ));
    }

    #[test]
    fn a_time_out_has_two_decimals() {
        let id = RequestId::random();
        let outcome = timed_out(&id, Duration::from_millis(1500));
        let message = &outcome.platform_error().unwrap().message;
        assert!(
            message.ends_with("Error: Task timed out after 1.50 seconds"),
            "{message}"
        );
    }
}
