//! The Extensions API (version 2020-01-01) over HTTP, for extensions in the runtime's process, and what stands for the
//! Logs and Telemetry APIs.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::exchange::{Delivery, Waiter};
use super::protocol::{self, ApiError};
use super::server::{Call, Caller, collect, drain};
use crate::lambda::{LATEST, MAX_RESPONSE, headers};

/// What an extension is told about the function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registered {
    /// The extension's id.
    pub id: String,
    /// Name of the function in the service.
    pub function: String,
    /// Entry point.
    pub handler: String,
    /// Account.
    pub account: String,
}

/// An extension's call that waits for an event.
pub type ExtensionWaiting = oneshot::Sender<Result<Delivery, ApiError>>;

impl Waiter for ExtensionWaiting {
    fn is_gone(&self) -> bool {
        self.is_closed()
    }
}

/// A call of an extension. Each carries the way back for its answer.
#[derive(Debug)]
#[expect(missing_docs, reason = "the docs of a variant name its fields")]
pub enum ExtensionCall {
    /// It registers for events.
    Register {
        name: String,
        events: Vec<String>,
        reply: oneshot::Sender<Result<Registered, ApiError>>,
    },
    /// It asks for its next event.
    Next { id: String, reply: ExtensionWaiting },
    /// It failed, with this category.
    Failed {
        id: String,
        category: String,
        reply: oneshot::Sender<Result<(), ApiError>>,
    },
}

#[derive(Deserialize)]
struct Registration {
    #[serde(default)]
    events: Option<Vec<String>>,
    #[serde(default, rename = "configurationKeys")]
    keys: Option<Vec<serde_json::Value>>,
}

impl Caller {
    pub(super) async fn register(
        &self,
        head: &HeaderMap,
        body: Incoming,
    ) -> Result<Response<Full<Bytes>>, ApiError> {
        let body = collect(body, MAX_RESPONSE).await?;
        let name = protocol::header(head, headers::EXTENSION_NAME).unwrap_or_default();
        let registration = serde_json::from_slice::<Registration>(&body).ok();
        let registration = registration.filter(|one| one.keys.as_ref().is_none_or(Vec::is_empty));
        let Some(registration) = registration else {
            return Err(ApiError::Extension {
                kind: "InvalidRequestFormat",
                message: "the body is not acceptable".to_owned(),
            });
        };
        let events = registration.events.unwrap_or_default();
        let call = |reply| {
            Call::Extension(ExtensionCall::Register {
                name,
                events,
                reply,
            })
        };
        let registered = self.call(call).await??;
        let mut about = json!({
            "functionName": registered.function,
            "functionVersion": LATEST,
            "handler": registered.handler,
        });
        let features = protocol::header(head, headers::EXTENSION_FEATURES).unwrap_or_default();
        if features.split(',').any(|one| one.trim() == "accountId") {
            about["accountId"] = registered.account.into();
        }
        let mut response = protocol::ok(&about);
        protocol::put(&mut response, headers::EXTENSION_ID, &registered.id);
        Ok(response)
    }

    pub(super) async fn event(&self, head: &HeaderMap) -> Result<Response<Full<Bytes>>, ApiError> {
        let id = identifier(head)?;
        let next = |reply| Call::Extension(ExtensionCall::Next { id, reply });
        let delivery = self.call(next).await??;
        let trace = delivery.invocation.trace_id.as_str();
        let mut response = protocol::ok(&json!({
            "eventType": "INVOKE",
            "deadlineMs": delivery.deadline.unix_millis,
            "requestId": delivery.invocation.request_id.as_str(),
            "invokedFunctionArn": delivery.function_arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": trace},
        }));
        let event = Uuid::new_v4().to_string();
        protocol::put(&mut response, headers::EXTENSION_EVENT_ID, &event);
        Ok(response)
    }

    pub(super) async fn extension_error(
        &self,
        head: &HeaderMap,
        body: Incoming,
    ) -> Result<Response<Full<Bytes>>, ApiError> {
        collect(body, MAX_RESPONSE).await?;
        let id = identifier(head)?;
        let Some(category) = protocol::header(head, headers::EXTENSION_ERROR_TYPE) else {
            return Err(ApiError::Extension {
                kind: "Extension.MissingHeader",
                message: "Lambda-Extension-Function-Error-Type not found".to_owned(),
            });
        };
        let call = |reply| {
            Call::Extension(ExtensionCall::Failed {
                id,
                category,
                reply,
            })
        };
        self.call(call).await??;
        Ok(protocol::accepted())
    }
}

/// The answer to a subscription to logs or telemetry, from which extensions see that they run locally.
pub(super) async fn not_supported(
    api: &'static str,
    body: Incoming,
) -> Result<Response<Full<Bytes>>, ApiError> {
    drain(body).await;
    Ok(protocol::not_supported(api))
}

fn identifier(head: &HeaderMap) -> Result<String, ApiError> {
    let refuse = |kind, message: &str| ApiError::Extension {
        kind,
        message: message.to_owned(),
    };
    let id = protocol::header(head, headers::EXTENSION_ID).ok_or_else(|| {
        refuse(
            "Extension.MissingExtensionIdentifier",
            "Missing Lambda-Extension-Identifier header",
        )
    })?;
    match Uuid::parse_str(&id) {
        Ok(_) => Ok(id),
        Err(_) => Err(refuse(
            "Extension.InvalidExtensionIdentifier",
            "Invalid Lambda-Extension-Identifier",
        )),
    }
}
