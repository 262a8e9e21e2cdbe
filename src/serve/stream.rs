//! Invocations whose answer comes in parts, each as the function writes it.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::error::ApiError;
use super::request::{Asked, Kind};
use super::{Api, Body, event_stream, invoke};
use crate::invoke::Invoked;
use crate::lambda::{BodyEnd, FunctionError, Outcome};

const MEDIA: &str = "application/vnd.amazon.eventstream";
/// Messages that may wait for the client before the function is held back.
const MESSAGES: usize = 16;

impl Api {
    pub(super) async fn stream(
        &self,
        (name, qualifier): (String, Option<String>),
        request: Request<Incoming>,
    ) -> Result<Response<Body>, ApiError> {
        let asked = Asked::read(request.headers(), &[Kind::RequestResponse, Kind::DryRun])?;
        let (function, version) = self.known(&name, qualifier.as_deref())?;
        asked.check_tenant(&function)?;
        let event = asked.event(request.into_body()).await?;
        let (kind, tail) = (asked.kind, asked.tail);
        let invocation = asked.invocation(&function, &version, event);
        if kind == Kind::DryRun {
            return Ok(invoke::empty(StatusCode::NO_CONTENT, &invocation));
        }
        let known = invocation.clone();
        let invoked = self.shared.invoker.invoke(&function, invocation).await;
        let invoked = invoked.map_err(|refused| ApiError::refused(&refused))?;
        let (message_tx, mut message_rx) = mpsc::channel(MESSAGES);
        // A client that goes away holds nothing up: the function goes on, and what it writes is read.
        self.shared
            .invoker
            .track(pass_on(invoked, tail, message_tx));
        let messages = futures_util::stream::poll_fn(move |cx| {
            let message = message_rx.poll_recv(cx);
            message.map(|message| message.map(|bytes| Ok::<_, Infallible>(Frame::data(bytes))))
        });
        let mut response = Response::new(StreamBody::new(messages).boxed_unsync());
        let media = HeaderValue::from_static(MEDIA);
        response.headers_mut().insert(CONTENT_TYPE, media);
        invoke::sign(&mut response, &known, &version);
        Ok(response)
    }
}

/// Sends the parts of an answer, and how it ended.
async fn pass_on(invoked: Invoked, tail: bool, message_tx: mpsc::Sender<Bytes>) {
    let failure = match invoked.outcome {
        Outcome::Success(response) => {
            let mut body = response.body;
            loop {
                match body.next().await {
                    Ok(chunk) if chunk.is_empty() => {}
                    Ok(chunk) => _ = message_tx.send(event_stream::chunk(&chunk)).await,
                    Err(BodyEnd::Complete) => break None,
                    Err(BodyEnd::Failed(error)) => break Some(of_error(&error)),
                    Err(BodyEnd::Ended(outcome)) => break Some(failure(*outcome)),
                }
            }
        }
        other => Some(failure(other)),
    };
    let mut document = Map::new();
    if let Some((code, details)) = failure {
        document.insert("ErrorCode".to_owned(), code.into());
        document.insert("ErrorDetails".to_owned(), details.into());
    }
    if tail {
        let log = invoke::log_tail(invoked.settled).await;
        document.insert("LogResult".to_owned(), log.into());
    }
    let document = Value::Object(document).to_string();
    let _ = message_tx.send(event_stream::complete(&document)).await;
}

fn of_error(error: &FunctionError) -> (String, String) {
    let document = String::from_utf8_lossy(&error.to_json()).into_owned();
    (error.kind.clone(), document)
}

/// The category of a failure, and its document.
fn failure(outcome: Outcome) -> (String, String) {
    match outcome {
        Outcome::Error(document) => {
            let text = String::from_utf8_lossy(&document).into_owned();
            let parsed: Value = serde_json::from_slice(&document).unwrap_or_default();
            let code = parsed["errorType"].as_str().unwrap_or("Unhandled");
            (code.to_owned(), text)
        }
        Outcome::Lost(reason) => of_error(&FunctionError::new("ServiceException", reason)),
        other => match other.platform_error() {
            Some(error) => of_error(error),
            None => ("Unhandled".to_owned(), "{}".to_owned()),
        },
    }
}
