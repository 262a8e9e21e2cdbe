//! What is refused, and how: the service's names, statuses and bodies, in one place.

use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde_json::json;

use super::{Body, respond};
use crate::invoke::Refused;
use crate::lambda::MAX_EVENT;

/// Category of an error, for clients.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// How an error names its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Small,
    Capital,
}

/// A request that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    status: StatusCode,
    code: &'static str,
    /// Whose fault it is, where the service says.
    kind: Option<&'static str>,
    member: Member,
    text: String,
    /// Why there are too many.
    reason: Option<&'static str>,
}

impl ApiError {
    fn new(
        status: StatusCode,
        code: &'static str,
        kind: Option<&'static str>,
        member: Member,
        text: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            kind,
            member,
            text: text.into(),
            reason: None,
        }
    }

    fn user(
        status: StatusCode,
        code: &'static str,
        member: Member,
        text: impl Into<String>,
    ) -> Self {
        Self::new(status, code, Some("User"), member, text)
    }

    /// There is no such function, or no such version of it.
    pub(super) fn not_found(arn: &str) -> Self {
        let text = format!("Function not found: {arn}");
        Self::user(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            Member::Capital,
            text,
        )
    }

    /// The function is in another region.
    pub(super) fn other_region(theirs: &str, ours: &str) -> Self {
        let text = format!("Functions from '{theirs}' are not reachable in this region ('{ours}')");
        Self::user(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            Member::Capital,
            text,
        )
    }

    /// A value cannot be one, in the words of the service's model.
    pub(super) fn validation(value: &str, place: &str, constraint: &str) -> Self {
        let text = format!(
            "1 validation error detected: Value '{value}' at '{place}' failed to satisfy constraint: {constraint}"
        );
        Self::invalid(text)
    }

    /// The same, where the whole text is known.
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "ValidationException",
            None,
            Member::Small,
            text,
        )
    }

    /// Values that do not go together.
    pub(super) fn parameter(text: impl Into<String>) -> Self {
        let code = "InvalidParameterValueException";
        Self::user(StatusCode::BAD_REQUEST, code, Member::Small, text)
    }

    /// The body is not what it must be.
    pub(super) fn content(text: impl Into<String>) -> Self {
        let code = "InvalidRequestContentException";
        Self::user(StatusCode::BAD_REQUEST, code, Member::Small, text)
    }

    /// The body is larger than an event may be.
    pub(super) fn too_large() -> Self {
        let text = format!(
            "Request must be smaller than {MAX_EVENT} bytes for the InvokeFunction operation"
        );
        Self::large(text)
    }

    /// The body is larger than an event may be that nobody waits for.
    pub(super) fn too_large_event(size: usize, limit: usize) -> Self {
        let text = format!(
            "{size} byte payload is too large for the Event invocation type (limit {limit} bytes)"
        );
        Self::large(text)
    }

    fn large(text: String) -> Self {
        let code = "RequestEntityTooLargeException";
        Self::user(StatusCode::PAYLOAD_TOO_LARGE, code, Member::Small, text)
    }

    /// The function cannot run as the template has it.
    pub(super) fn broken(problem: &str) -> Self {
        let code = "InvalidRuntimeException";
        Self::user(StatusCode::BAD_GATEWAY, code, Member::Capital, problem)
    }

    /// The body broke off.
    pub(super) fn incomplete() -> Self {
        Self::content("Could not read the request's body: it ended before its length")
    }

    /// An invocation did not begin.
    pub(super) fn refused(refused: &Refused) -> Self {
        match refused {
            Refused::Throttled { reserved } => {
                let code = "TooManyRequestsException";
                let status = StatusCode::TOO_MANY_REQUESTS;
                Self {
                    reason: Some(if *reserved {
                        "ReservedFunctionConcurrentInvocationLimitExceeded"
                    } else {
                        "ConcurrentInvocationLimitExceeded"
                    }),
                    ..Self::user(status, code, Member::Small, "Rate Exceeded.")
                }
            }
            // Whoever would read this has gone away.
            Refused::Abandoned => Self::lost("nobody waits for it"),
            Refused::Failed(reason) => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                Self::new(
                    status,
                    "ServiceException",
                    Some("Service"),
                    Member::Capital,
                    reason,
                )
            }
        }
    }

    /// The sandbox was lost.
    pub(super) fn lost(reason: &str) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let text = format!("the sandbox is gone: {reason}");
        Self::new(
            status,
            "ServiceException",
            Some("Service"),
            Member::Capital,
            text,
        )
    }

    /// Nothing is at the address. In SAM CLI's words: the service has another one for each client.
    pub(super) fn unknown_path() -> Self {
        let (code, text) = ("PathNotFoundLocally", "PathNotFoundException");
        Self::new(
            StatusCode::NOT_FOUND,
            code,
            Some("LocalService"),
            Member::Capital,
            text,
        )
    }

    /// Something is at the address, for another method.
    pub(super) fn wrong_method(_: &Method) -> Self {
        let (code, text) = ("MethodNotAllowedLocally", "MethodNotAllowedException");
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, code, Some("LocalService"), Member::Capital, text)
    }

    /// A page of somebody else's calls.
    pub(super) fn foreign_origin() -> Self {
        let text = "requests of pages from another origin, and by another name of this machine, are refused";
        Self::user(
            StatusCode::FORBIDDEN,
            "AccessDeniedException",
            Member::Capital,
            text,
        )
    }

    /// The response.
    pub(super) fn response(&self) -> Response<Body> {
        let mut body = json!({});
        if let Some(kind) = self.kind {
            body["Type"] = kind.into();
        }
        if let Some(reason) = self.reason {
            body["Reason"] = reason.into();
        }
        let member = match self.member {
            Member::Small => "message",
            Member::Capital => "Message",
        };
        body[member] = self.text.as_str().into();
        let mut response = respond(self.status, "application/json", body.to_string());
        let headers = response.headers_mut();
        headers.insert(ERROR_TYPE, HeaderValue::from_static(self.code));
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert("retry-after", HeaderValue::from_static("1"));
        }
        super::invoke::identify(&mut response, &crate::lambda::RequestId::random());
        response
    }
}
