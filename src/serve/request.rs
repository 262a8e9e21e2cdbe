//! What goes with an invocation, checked as the service checks it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::HeaderMap;

use super::error::ApiError;
use super::json;
use crate::function::{Function, Identifier};
use crate::lambda::{Invocation, LATEST, MAX_EVENT, TraceId};

/// Largest event that nobody waits for, in bytes.
const MAX_QUEUED: usize = 1024 * 1024;
/// Longest client context, in characters of base64.
const MAX_CONTEXT: usize = 3583;
const MAX_NAME: usize = 256;
const MAX_QUALIFIER: usize = 128;
const MAX_TENANT: usize = 256;
/// What the service checks a function's name with, as it prints it.
const NAME: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?";
const QUALIFIER: &str = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+";

/// Whether an answer is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    RequestResponse,
    Event,
    DryRun,
}

/// What the headers of an invocation say.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) kind: Kind,
    /// Whether the end of the log is wanted.
    pub(super) tail: bool,
    client_context: Option<String>,
    tenant_id: Option<String>,
    trace: Option<TraceId>,
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)?
        .to_str()
        .ok()
        .filter(|text| !text.is_empty())
}

impl Asked {
    /// Reads the headers; of `kinds` those that the operation has.
    pub(super) fn read(headers: &HeaderMap, kinds: &[Kind]) -> Result<Self, ApiError> {
        let kind = match text(headers, "x-amz-invocation-type") {
            None | Some("RequestResponse") => Kind::RequestResponse,
            Some("Event") if kinds.contains(&Kind::Event) => Kind::Event,
            Some("DryRun") => Kind::DryRun,
            Some(other) => {
                let set = if kinds.contains(&Kind::Event) {
                    "[Event, RequestResponse, DryRun]"
                } else {
                    "[RequestResponse, DryRun]"
                };
                let constraint = format!("Member must satisfy enum value set: {set}");
                return Err(ApiError::validation(other, "invocationType", &constraint));
            }
        };
        let tail = match text(headers, "x-amz-log-type") {
            None | Some("None") => false,
            Some("Tail") => true,
            Some(other) => {
                let constraint = "Member must satisfy enum value set: [None, Tail]";
                return Err(ApiError::validation(other, "logType", constraint));
            }
        };
        let trace = text(headers, "x-amzn-trace-id").and_then(TraceId::of_caller);
        Ok(Self {
            kind,
            tail,
            client_context: client_context(headers)?,
            tenant_id: tenant(headers)?,
            trace,
        })
    }

    /// Makes sure that a tenant is named where one is wanted, and only there.
    pub(super) fn check_tenant(&self, function: &Function) -> Result<(), ApiError> {
        let text = match (function.tenancy, &self.tenant_id) {
            (true, None) => {
                "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try \
                 again."
            }
            (false, Some(_)) => {
                "The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and \
                 try again."
            }
            _ => return Ok(()),
        };
        Err(ApiError::parameter(text))
    }

    /// Reads the event, which must be JSON. Nothing is an empty object.
    pub(super) async fn event(&self, body: Incoming) -> Result<Bytes, ApiError> {
        let limit = match self.kind {
            Kind::Event => MAX_QUEUED,
            _ => MAX_EVENT,
        };
        let large = |size| match self.kind {
            Kind::Event => ApiError::too_large_event(size, MAX_QUEUED),
            _ => ApiError::too_large(),
        };
        if let Some(size) = body.size_hint().exact()
            && size > limit as u64
        {
            return Err(large(size as usize));
        }
        let bytes = whole(body, limit).await?.ok_or_else(|| large(limit + 1))?;
        if bytes.is_empty() {
            return Ok(Bytes::from_static(b"{}"));
        }
        match json::problem(&bytes) {
            Some(problem) => Err(ApiError::content(format!(
                "Could not parse request body into json: {problem}"
            ))),
            None => Ok(bytes),
        }
    }

    /// The invocation of a version or alias.
    pub(super) fn invocation(self, function: &Function, version: &str, event: Bytes) -> Invocation {
        let qualifier = Some(version).filter(|version| *version != LATEST);
        Invocation {
            client_context: self.client_context,
            tenant_id: self.tenant_id,
            qualifier: qualifier.map(str::to_owned),
            trace_id: self
                .trace
                .unwrap_or_else(|| TraceId::random(function.traced)),
            ..Invocation::json(event)
        }
    }
}

/// All of a body; None where there is more than the limit.
async fn whole(mut body: Incoming, limit: usize) -> Result<Option<Bytes>, ApiError> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::incomplete())?;
        let Ok(chunk) = frame.into_data() else {
            continue;
        };
        if bytes.len() + chunk.len() > limit {
            return Ok(None);
        }
        // Most bodies come in one piece.
        if bytes.is_empty() && body.is_end_stream() {
            return Ok(Some(chunk));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes.freeze()))
}

/// The client's context as JSON text on one line, as the runtime is told it.
fn client_context(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(given) = text(headers, "x-amz-client-context") else {
        return Ok(None);
    };
    let wrong = || ApiError::content("Client context must be a valid Base64-encoded JSON object.");
    if given.len() > MAX_CONTEXT {
        return Err(ApiError::content(format!(
            "Client context must be no more than {MAX_CONTEXT} bytes."
        )));
    }
    let decoded = BASE64_STANDARD.decode(given).map_err(|_| wrong())?;
    let decoded = String::from_utf8(decoded).map_err(|_| wrong())?;
    crate::lambda::one_line(&decoded)
        .ok_or_else(wrong)
        .map(Some)
}

fn tenant(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(given) = text(headers, "x-amz-tenant-id") else {
        return Ok(None);
    };
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || " _.:/=+-@".contains(letter);
    let wrong = |constraint: &str| Err(ApiError::validation(given, "tenantId", constraint));
    if given.len() > MAX_TENANT {
        return wrong("Member must have length less than or equal to 256");
    }
    if !given.chars().all(allowed) {
        return wrong(r"Member must satisfy regular expression pattern: [a-zA-Z0-9\._:\/=+\-@ ]+");
    }
    Ok(Some(given.to_owned()))
}

/// The function that is named, and the version or alias that the name or the query asks for.
pub(super) fn identifier(
    name: &str,
    qualifier: Option<&str>,
    region: &str,
) -> Result<Identifier, ApiError> {
    let pattern = |value: &str, place: &str, pattern: &str| {
        let constraint = format!("Member must satisfy regular expression pattern: {pattern}");
        ApiError::validation(value, place, &constraint)
    };
    if name.len() > MAX_NAME {
        let constraint = format!("Member must have length less than or equal to {MAX_NAME}");
        return Err(ApiError::validation(name, "functionName", &constraint));
    }
    let parsed = Identifier::parse(name).map_err(|_| pattern(name, "functionName", NAME))?;
    let theirs = name
        .strip_prefix("arn:")
        .and_then(|rest| rest.split(':').nth(2));
    if let Some(theirs) = theirs.filter(|theirs| *theirs != region) {
        return Err(ApiError::other_region(theirs, region));
    }
    let Some(qualifier) = qualifier else {
        return Ok(parsed);
    };
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_$.".contains(letter);
    if qualifier.is_empty() || !qualifier.chars().all(allowed) {
        return Err(pattern(qualifier, "qualifier", QUALIFIER));
    }
    if qualifier.len() > MAX_QUALIFIER {
        let constraint = format!("Member must have length less than or equal to {MAX_QUALIFIER}");
        return Err(ApiError::validation(qualifier, "qualifier", &constraint));
    }
    if parsed
        .qualifier
        .as_ref()
        .is_some_and(|own| own != qualifier)
    {
        return Err(ApiError::parameter(
            "The derived qualifier from the function name does not match the specified qualifier.",
        ));
    }
    Ok(Identifier {
        qualifier: Some(qualifier.to_owned()),
        ..parsed
    })
}
