//! Paths, headers and error bodies of the Runtime API (version 2018-06-01), and the paths of the other APIs at the same
//! address. Pure.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};

use super::exchange::Delivery;
use crate::lambda::{MAX_RESPONSE, headers};

const PREFIX: &str = "/2018-06-01";
/// Media type of an error document with its cause in it.
const ERROR_WITH_CAUSE: &str = "application/vnd.aws.lambda.error.cause+json";

/// A call of the Runtime API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Liveness.
    Ping,
    /// Ask for work.
    Next,
    /// Answer the invocation with this id.
    Response(String),
    /// Report that the invocation with this id failed.
    Error(String),
    /// Report that initialisation failed.
    InitError,
    /// Register an extension.
    Register,
    /// Ask for an extension's next event.
    Event,
    /// Report that an extension failed.
    ExtensionError,
    /// Subscribe to logs.
    Logs,
    /// Subscribe to telemetry.
    Telemetry,
}

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the docs of a variant name its fields")]
pub enum ApiError {
    /// The id is not the current invocation's.
    InvalidRequestId,
    /// The body ended early.
    Truncated,
    /// A response mode other than `streaming`.
    InvalidResponseMode,
    /// The call is not legal in this state.
    InvalidTransition {
        from: &'static str,
        to: &'static str,
    },
    /// The invocation is over: its time was up.
    InvokeTimeout,
    /// A call of an extension, with the reason in the service's words.
    Extension { kind: &'static str, message: String },
    /// The body is above [`MAX_RESPONSE`] bytes.
    TooLarge,
    /// Nobody is there to take the call any more.
    Internal,
    /// No such path.
    NotFound,
    /// The path is known, the method is not.
    MethodNotAllowed,
}

impl ApiError {
    /// Status, type and message; no type where the answer is plain text.
    fn parts(&self) -> (StatusCode, &'static str, String) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "", "404 page not found".into()),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "", String::new()),
            Self::InvalidRequestId => (
                StatusCode::BAD_REQUEST,
                "InvalidRequestID",
                "Invalid request ID".into(),
            ),
            Self::Truncated => (
                StatusCode::BAD_REQUEST,
                "TruncatedHTTPRequest",
                "HTTP request detected as truncated".into(),
            ),
            Self::InvalidResponseMode => (
                StatusCode::BAD_REQUEST,
                "InvalidFunctionResponseMode",
                "Invalid function response mode".into(),
            ),
            Self::InvalidTransition { from, to } => {
                let text = "failed for runtime. Error: State transition is not allowed";
                let text = format!("State transition from {from} to {to} {text}");
                (StatusCode::FORBIDDEN, "InvalidStateTransition", text)
            }
            Self::Extension { kind, message } => (StatusCode::FORBIDDEN, kind, message.clone()),
            Self::InvokeTimeout => (StatusCode::GONE, "InvokeTimeout", "Invoke timeout".into()),
            Self::TooLarge => {
                let text = format!("Exceeded maximum allowed payload size ({MAX_RESPONSE} bytes).");
                (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", text)
            }
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalServerError",
                "Internal Server Error".into(),
            ),
        }
    }

    /// The answer on the wire.
    #[must_use]
    pub fn response(&self) -> Response<Full<Bytes>> {
        let (status, kind, message) = self.parts();
        if kind.is_empty() {
            return text(status, message);
        }
        let body = serde_json::json!({ "errorMessage": message, "errorType": kind });
        json(status, format!("{body}\n"))
    }
}

/// Finds the call that a request makes.
///
/// # Errors
/// [`ApiError::NotFound`] or [`ApiError::MethodNotAllowed`].
pub fn route(method: &Method, path: &str) -> Result<Route, ApiError> {
    let of_extensions = match path {
        "/2020-01-01/extension/register" => Some((Method::POST, Route::Register)),
        "/2020-01-01/extension/event/next" => Some((Method::GET, Route::Event)),
        "/2020-01-01/extension/init/error" | "/2020-01-01/extension/exit/error" => {
            Some((Method::POST, Route::ExtensionError))
        }
        "/2020-08-15/logs" | "/2020-08-15/logs/" => Some((Method::PUT, Route::Logs)),
        "/2022-07-01/telemetry" | "/2022-07-01/telemetry/" => Some((Method::PUT, Route::Telemetry)),
        _ => None,
    };
    let parts: Vec<_> = path
        .strip_prefix(PREFIX)
        .unwrap_or_default()
        .split('/')
        .skip(1)
        .collect();
    let (allowed, route) = match parts.as_slice() {
        ["ping"] => (Method::GET, Route::Ping),
        ["runtime", "invocation", "next"] => (Method::GET, Route::Next),
        ["runtime", "invocation", id, "response"] => {
            (Method::POST, Route::Response((*id).to_owned()))
        }
        ["runtime", "invocation", id, "error"] => (Method::POST, Route::Error((*id).to_owned())),
        ["runtime", "init", "error"] => (Method::POST, Route::InitError),
        _ => of_extensions.ok_or(ApiError::NotFound)?,
    };
    if *method == allowed {
        Ok(route)
    } else {
        Err(ApiError::MethodNotAllowed)
    }
}

/// Whether a response comes in chunks.
///
/// # Errors
/// The header has a value other than `streaming`.
pub fn is_streaming(request: &HeaderMap) -> Result<bool, ApiError> {
    match request.get(headers::RESPONSE_MODE) {
        None => Ok(false),
        Some(mode) if mode.as_bytes().eq_ignore_ascii_case(b"streaming") => Ok(true),
        Some(_) => Err(ApiError::InvalidResponseMode),
    }
}

/// The text of a header that is there and not empty.
#[must_use]
pub fn header(request: &HeaderMap, name: &str) -> Option<String> {
    let value = request.get(name)?.to_str().ok()?;
    (!value.is_empty()).then(|| value.to_owned())
}

/// The category of an error, as the platform keeps it: verbatim when it is `Runtime.` or `Function.` and a name.
#[must_use]
pub fn error_category(given: Option<&str>) -> String {
    let given = given.unwrap_or_default();
    let is_name = |name: &str| {
        let mut letters = name.bytes();
        letters
            .next()
            .is_some_and(|first| first.is_ascii_uppercase())
            && name.len() > 1
            && letters.all(|letter| letter.is_ascii_alphabetic())
    };
    match given.split_once('.') {
        Some(("Runtime" | "Function", name)) if is_name(name) => given.to_owned(),
        Some(("Function", _)) => "Function.Unknown".to_owned(),
        _ => "Runtime.Unknown".to_owned(),
    }
}

/// An error document as the caller gets it: the cause that may be in it is for X-Ray.
#[must_use]
pub fn error_document(head: &HeaderMap, body: Bytes) -> Bytes {
    if header(head, CONTENT_TYPE.as_str()).as_deref() != Some(ERROR_WITH_CAUSE) {
        return body;
    }
    match serde_json::from_slice::<serde_json::Map<_, _>>(&body) {
        Ok(mut document) => {
            document.shift_remove("errorCause");
            serde_json::Value::from(document).to_string().into()
        }
        Err(_) => Bytes::from_static(b"\"Invalid error body\""),
    }
}

/// Sets a header. One with an empty value makes several clients fail, so an absent value is an absent header.
pub(super) fn put(response: &mut Response<Full<Bytes>>, name: &'static str, value: &str) {
    if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_bytes(value.as_bytes())) {
        let headers = response.headers_mut();
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// The answer to a call for work.
#[must_use]
pub fn delivery(delivery: &Delivery) -> Response<Full<Bytes>> {
    let invocation = &delivery.invocation;
    let mut response = Response::new(Full::new(invocation.payload.clone()));
    let mut put = |name, value: &str| put(&mut response, name, value);
    put(headers::REQUEST_ID, invocation.request_id.as_str());
    put(
        headers::DEADLINE,
        &delivery.deadline.unix_millis.to_string(),
    );
    put(headers::FUNCTION_ARN, &delivery.function_arn);
    put(headers::TRACE_ID, invocation.trace_id.as_str());
    put(
        headers::CLIENT_CONTEXT,
        invocation.client_context.as_deref().unwrap_or_default(),
    );
    put(
        headers::COGNITO_IDENTITY,
        invocation.cognito_identity.as_deref().unwrap_or_default(),
    );
    put(
        headers::TENANT_ID,
        invocation.tenant_id.as_deref().unwrap_or_default(),
    );
    put(headers::INVOCATION_ID, &delivery.nonce);
    put("content-type", &invocation.content_type);
    response
}

/// The answer to a call that was taken.
#[must_use]
pub fn accepted() -> Response<Full<Bytes>> {
    json(StatusCode::ACCEPTED, "{\"status\":\"OK\"}\n".to_owned())
}

/// An answer with a document.
#[must_use]
pub fn ok(document: &serde_json::Value) -> Response<Full<Bytes>> {
    json(StatusCode::OK, document.to_string())
}

/// The answer to a subscription to what is not delivered here.
#[must_use]
pub fn not_supported(api: &str) -> Response<Full<Bytes>> {
    let message = format!("{api} API is not supported");
    let kind = format!("{api}.NotSupported");
    let body = serde_json::json!({ "errorMessage": message, "errorType": kind });
    json(StatusCode::ACCEPTED, format!("{body}\n"))
}

/// The answer to a liveness check.
#[must_use]
pub fn pong() -> Response<Full<Bytes>> {
    text(StatusCode::OK, "pong".to_owned())
}

fn json(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    with_type(status, "application/json", body)
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    with_type(status, "text/plain; charset=utf-8", body)
}

fn with_type(
    status: StatusCode,
    content_type: &'static str,
    body: String,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_found_and_nothing_else() {
        let get = |path: &str| route(&Method::GET, path);
        let post = |path: &str| route(&Method::POST, path);
        assert_eq!(get("/2018-06-01/ping"), Ok(Route::Ping));
        assert_eq!(get("/2018-06-01/runtime/invocation/next"), Ok(Route::Next));
        assert_eq!(
            post("/2018-06-01/runtime/invocation/a-1/response"),
            Ok(Route::Response("a-1".into()))
        );
        assert_eq!(
            post("/2018-06-01/runtime/invocation/a-1/error"),
            Ok(Route::Error("a-1".into()))
        );
        assert_eq!(post("/2018-06-01/runtime/init/error"), Ok(Route::InitError));
        assert_eq!(
            post("/2018-06-01/runtime/invocation/next"),
            Err(ApiError::MethodNotAllowed)
        );
        for path in [
            "/",
            "/ping",
            "/2018-06-01",
            "/2018-06-01/runtime",
            "/2018-06-01/runtime/invocation/a/b/response",
        ] {
            assert_eq!(get(path), Err(ApiError::NotFound), "{path}");
        }
    }

    #[test]
    fn a_category_is_kept_when_it_has_the_documented_form() {
        let kept = |given| error_category(Some(given));
        assert_eq!(
            kept("Runtime.ImportModuleError"),
            "Runtime.ImportModuleError"
        );
        assert_eq!(kept("Function.MyError"), "Function.MyError");
        assert_eq!(kept("Function<NameError>"), "Runtime.Unknown");
        assert_eq!(kept("Function.my-error"), "Function.Unknown");
        assert_eq!(kept("Runtime.X"), "Runtime.Unknown");
        assert_eq!(error_category(None), "Runtime.Unknown");
    }

    #[test]
    fn the_cause_of_an_error_is_not_for_the_caller() {
        let mut head = HeaderMap::new();
        let document = || Bytes::from_static(b"{\"errorMessage\":\"m\",\"errorCause\":{}}");
        assert_eq!(error_document(&head, document()), document());
        head.insert(CONTENT_TYPE, HeaderValue::from_static(ERROR_WITH_CAUSE));
        assert_eq!(
            error_document(&head, document()),
            "{\"errorMessage\":\"m\"}"
        );
        assert_eq!(
            error_document(&head, Bytes::from_static(b"no")),
            "\"Invalid error body\""
        );
    }

    #[tokio::test]
    async fn an_error_body_has_the_documented_form() {
        use http_body_util::BodyExt;
        let response = ApiError::TooLarge.response();
        assert_eq!(response.status(), 413);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let expected = "{\"errorMessage\":\"Exceeded maximum allowed payload size (6291556 bytes).\",\
                        \"errorType\":\"RequestEntityTooLarge\"}\n";
        assert_eq!(body, expected);
        assert_eq!(ApiError::NotFound.response().status(), 404);
    }
}
