//! Invocations whose answer comes whole, or that nobody waits for.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use tokio::sync::oneshot;

use super::error::ApiError;
use super::request::{Asked, Kind};
use super::{Api, Body, respond};
use crate::invoke::{Destinations, Settled};
use crate::lambda::{
    Body as Answer, BodyEnd, FunctionError, Invocation, LATEST, MAX_RESPONSE, Outcome, RequestId,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const EXECUTED_VERSION: HeaderName = HeaderName::from_static("x-amz-executed-version");
const FUNCTION_ERROR: HeaderName = HeaderName::from_static("x-amz-function-error");
const LOG_RESULT: HeaderName = HeaderName::from_static("x-amz-log-result");
const REMAPPED: HeaderName = HeaderName::from_static("x-amzn-remapped-content-length");

impl Api {
    pub(super) async fn invoke(
        &self,
        (name, qualifier): (String, Option<String>),
        request: Request<Incoming>,
    ) -> Result<Response<Body>, ApiError> {
        let kinds = [Kind::RequestResponse, Kind::Event, Kind::DryRun];
        let asked = Asked::read(request.headers(), &kinds)?;
        let (function, version) = self.known(&name, qualifier.as_deref())?;
        asked.check_tenant(&function)?;
        let event = asked.event(request.into_body()).await?;
        let (kind, tail) = (asked.kind, asked.tail);
        let invocation = asked.invocation(&function, &version, event);
        match kind {
            Kind::DryRun => Ok(empty(StatusCode::NO_CONTENT, &invocation)),
            Kind::Event => {
                let response = empty(StatusCode::ACCEPTED, &invocation);
                self.queue(&function, invocation);
                Ok(response)
            }
            Kind::RequestResponse => {
                let known = invocation.clone();
                let invoked = self.shared.invoker.invoke(&function, invocation).await;
                let invoked = invoked.map_err(|refused| ApiError::refused(&refused))?;
                let (body, failed) = answer(invoked.outcome).await?;
                let mut response = respond(StatusCode::OK, "application/json", body);
                sign(&mut response, &known, &version);
                let headers = response.headers_mut();
                headers.insert(REMAPPED, HeaderValue::from_static("0"));
                if failed {
                    headers.insert(FUNCTION_ERROR, HeaderValue::from_static("Unhandled"));
                }
                if tail {
                    let tail = log_tail(invoked.settled).await;
                    headers.extend(
                        HeaderValue::from_str(&tail)
                            .ok()
                            .map(|tail| (LOG_RESULT, tail)),
                    );
                }
                Ok(response)
            }
        }
    }

    /// The operation that `Event` has taken the place of.
    pub(super) async fn invoke_async(
        &self,
        name: String,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, ApiError> {
        let mut asked = Asked::read(request.headers(), &[Kind::RequestResponse])?;
        asked.kind = Kind::Event;
        let (function, version) = self.known(&name, None)?;
        let event = asked.event(request.into_body()).await?;
        let invocation = asked.invocation(&function, &version, event);
        let mut response = respond(StatusCode::ACCEPTED, "application/json", "{\"Status\":202}");
        identify(&mut response, &invocation.request_id);
        self.queue(&function, invocation);
        Ok(response)
    }

    fn queue(&self, function: &Arc<crate::function::Function>, invocation: Invocation) {
        let destinations = Arc::clone(&self.shared) as Arc<dyn Destinations>;
        self.shared
            .invoker
            .enqueue(function, invocation, destinations);
    }
}

/// The end of an invocation's log in base64, when the invocation is over.
pub(super) async fn log_tail(settled: oneshot::Receiver<Settled>) -> String {
    let settled = settled.await.unwrap_or_default();
    BASE64_STANDARD.encode(settled.tail())
}

/// The answer's bytes, and whether the function failed.
async fn answer(outcome: Outcome) -> Result<(Bytes, bool), ApiError> {
    let mut body = match outcome {
        Outcome::Success(response) => response.body,
        other => return failure(other),
    };
    let first = match body.next().await {
        Ok(chunk) => chunk,
        Err(BodyEnd::Complete) => return Ok((Bytes::new(), false)),
        Err(end) => return ended(end),
    };
    let mut whole = Vec::new();
    loop {
        match body.next().await {
            Ok(chunk) => {
                if whole.is_empty() {
                    whole.extend_from_slice(&first);
                }
                whole.extend_from_slice(&chunk);
            }
            // Most answers come in one piece.
            Err(BodyEnd::Complete) if whole.is_empty() => return Ok((first, false)),
            Err(BodyEnd::Complete) => return Ok((Bytes::from(whole), false)),
            Err(end) => return ended(end),
        }
        if whole.len() > MAX_RESPONSE {
            // It is streamed, and here it is not: what comes of it is left to the one who drains it.
            drain(body).await;
            let text = format!(
                "Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} bytes)."
            );
            let error = FunctionError::new("Function.ResponseSizeTooLarge", text);
            return Ok((error.to_json(), true));
        }
    }
}

async fn drain(mut body: Answer) {
    while body.next().await.is_ok() {}
}

fn ended(end: BodyEnd) -> Result<(Bytes, bool), ApiError> {
    match end {
        BodyEnd::Complete => Ok((Bytes::new(), false)),
        BodyEnd::Failed(error) => Ok((error.to_json(), true)),
        BodyEnd::Ended(outcome) => failure(*outcome),
    }
}

fn failure(outcome: Outcome) -> Result<(Bytes, bool), ApiError> {
    match outcome {
        Outcome::Error(document) => Ok((document, true)),
        Outcome::Lost(reason) => Err(ApiError::lost(&reason)),
        other => {
            let error = other.platform_error().map(FunctionError::to_json);
            Ok((error.unwrap_or_default(), true))
        }
    }
}

/// A response without a body, to an invocation that nobody waits for or that was only tried.
pub(super) fn empty(status: StatusCode, invocation: &Invocation) -> Response<Body> {
    let mut response = respond(status, "application/json", Bytes::new());
    response.headers_mut().remove("content-type");
    identify(&mut response, &invocation.request_id);
    response
}

/// Says which request a response is to.
pub(super) fn identify(response: &mut Response<Body>, id: &RequestId) {
    let id = HeaderValue::from_str(id.as_str()).ok();
    response.headers_mut().extend(id.map(|id| (REQUEST_ID, id)));
}

/// Says which request a response is to, and what ran.
pub(super) fn sign(response: &mut Response<Body>, invocation: &Invocation, version: &str) {
    identify(response, &invocation.request_id);
    // There is one version here; a number is the caller's own.
    let number = version.bytes().all(|byte| byte.is_ascii_digit());
    let version = if number { version } else { LATEST };
    let headers = response.headers_mut();
    let trace = HeaderValue::from_str(invocation.trace_id.as_str()).ok();
    headers.extend(trace.map(|trace| (TRACE_ID, trace)));
    let version = HeaderValue::from_str(version).ok();
    headers.extend(version.map(|version| (EXECUTED_VERSION, version)));
}
