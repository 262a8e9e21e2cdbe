//! The Runtime API over HTTP/1.1: turns requests into [`Call`]s and the answers to them into responses.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};

use super::exchange::{Delivery, Waiter};
use super::extension_api::{self, ExtensionCall};
use super::protocol::{self, ApiError, Route};
use crate::lambda::{Body, BodyWriter, FunctionError, MAX_RESPONSE, headers};

/// Largest head of a request and largest trailers: runtimes send up to 1 MiB of X-Ray cause in a header.
const MAX_HEAD: usize = 2 * 1024 * 1024;
/// Largest error document.
const MAX_ERROR: usize = MAX_RESPONSE;

/// The beginning of an answer.
#[derive(Debug)]
pub struct ResponseHead {
    /// Id in the path.
    pub id: String,
    /// Nonce that the runtime gave back, if it did.
    pub nonce: Option<String>,
    /// Media type.
    pub content_type: Option<String>,
    /// The body and its end, when it comes in chunks. Whoever takes the head ends the body.
    pub stream: Option<(BodyWriter, Body)>,
}

/// The end of an answer.
#[derive(Debug)]
pub enum Finish {
    /// All of a body that was not streamed.
    Whole(Bytes),
    /// All of a streamed body is passed on; a failure was in its trailers.
    Streamed(Option<FunctionError>),
    /// The connection ended before the body did.
    Truncated,
    /// The body was above the limit.
    TooLarge,
}

/// Why an answer cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A mode that does not exist.
    InvalidMode,
    /// An error document above the limit.
    TooLarge,
}

/// A call of the runtime. Each carries the way back for its answer.
#[derive(Debug)]
#[expect(missing_docs, reason = "the docs of a variant name its fields")]
pub enum Call {
    /// Work is asked for.
    Next(Waiting),
    /// An answer begins.
    Response(ResponseHead, oneshot::Sender<Result<(), ApiError>>),
    /// The answer to the invocation with this id, which had begun, is over.
    ResponseEnd {
        id: String,
        finish: Finish,
        reply: oneshot::Sender<Result<(), ApiError>>,
    },
    /// An answer that cannot be taken, and why.
    Refused {
        id: String,
        nonce: Option<String>,
        reason: Refusal,
        reply: oneshot::Sender<Result<(), ApiError>>,
    },
    /// The function failed, in these words and with this category.
    Error {
        id: String,
        nonce: Option<String>,
        category: String,
        body: Bytes,
        reply: oneshot::Sender<Result<(), ApiError>>,
    },
    /// Initialisation failed, in these words and with this category.
    InitError {
        category: String,
        body: Bytes,
        reply: oneshot::Sender<Result<(), ApiError>>,
    },
    /// An extension has something to say.
    Extension(ExtensionCall),
}

/// A call for work that waits for its answer.
#[derive(Debug)]
pub struct Waiting {
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Delivery, ApiError>>,
    ended: Arc<AtomicBool>,
}

impl Waiter for Waiting {
    fn is_gone(&self) -> bool {
        self.reply.is_closed() || self.ended.load(Ordering::Relaxed)
    }
}

/// Serves one connection of a runtime until it ends. No call has a time limit: a parked one may wait for hours.
///
/// `ended` says that the runtime sends no more. The server itself does not act on that: a runtime that reports an error
/// and exits without waiting for the answer has reported it all the same.
pub async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ended: Arc<AtomicBool>,
    call_tx: mpsc::UnboundedSender<Call>,
) {
    let service = service_fn(move |request| {
        let caller = Caller {
            call_tx: call_tx.clone(),
            ended: Arc::clone(&ended),
        };
        async move { Ok::<_, Infallible>(caller.answer(request).await) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.max_buf_size(MAX_HEAD)
        .max_header_size(MAX_HEAD)
        .max_headers(4096)
        .half_close(true);
    // The runtime has gone or talks something else; either way its process tells the rest.
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection to the Runtime API ended");
    }
}

pub(super) struct Caller {
    call_tx: mpsc::UnboundedSender<Call>,
    ended: Arc<AtomicBool>,
}

/// How the reading of a body ended early.
pub(super) enum Cut {
    Truncated,
    TooLarge,
}

impl From<Cut> for ApiError {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Truncated => Self::Truncated,
            Cut::TooLarge => Self::TooLarge,
        }
    }
}

impl Caller {
    async fn answer(self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let answer = match protocol::route(&head.method, head.uri.path()) {
            Err(error) => Err(error),
            Ok(Route::Ping) => Ok(protocol::pong()),
            Ok(Route::Next) => self.next().await,
            Ok(Route::Response(id)) => self
                .response(id, &head.headers, body)
                .await
                .map(|()| protocol::accepted()),
            Ok(Route::Error(id)) => self
                .error(Some(id), &head.headers, body)
                .await
                .map(|()| protocol::accepted()),
            Ok(Route::InitError) => self
                .error(None, &head.headers, body)
                .await
                .map(|()| protocol::accepted()),
            Ok(Route::Register) => self.register(&head.headers, body).await,
            Ok(Route::Event) => self.event(&head.headers).await,
            Ok(Route::ExtensionError) => self.extension_error(&head.headers, body).await,
            Ok(Route::Logs) => extension_api::not_supported("Logs", body).await,
            Ok(Route::Telemetry) => extension_api::not_supported("Telemetry", body).await,
        };
        answer.unwrap_or_else(|error| {
            // Calls that wait for work end like this with every sandbox.
            if error != ApiError::Internal {
                tracing::debug!(
                    path = head.uri.path(),
                    ?error,
                    "a call of the Runtime API was refused"
                );
            }
            error.response()
        })
    }

    /// Makes a call and waits for its answer; a sandbox that is gone answers nothing.
    pub(super) async fn call<T>(
        &self,
        call: impl FnOnce(oneshot::Sender<T>) -> Call,
    ) -> Result<T, ApiError> {
        let (reply_tx, reply_rx) = oneshot::channel();
        self.call_tx
            .send(call(reply_tx))
            .map_err(|_| ApiError::Internal)?;
        reply_rx.await.map_err(|_| ApiError::Internal)
    }

    async fn next(&self) -> Result<Response<Full<Bytes>>, ApiError> {
        let ended = Arc::clone(&self.ended);
        let delivery = self
            .call(|reply| Call::Next(Waiting { reply, ended }))
            .await??;
        Ok(protocol::delivery(&delivery))
    }

    async fn response(&self, id: String, head: &HeaderMap, body: Incoming) -> Result<(), ApiError> {
        let nonce = protocol::header(head, headers::INVOCATION_ID);
        let Ok(streaming) = protocol::is_streaming(head) else {
            drain(body).await;
            self.refuse(id, nonce, Refusal::InvalidMode).await?;
            return Err(ApiError::InvalidResponseMode);
        };
        let stream = streaming.then(Body::stream);
        let writer = stream.as_ref().map(|(writer, _)| writer.clone());
        let content_type = protocol::header(head, CONTENT_TYPE.as_str());
        let head = ResponseHead {
            id: id.clone(),
            nonce,
            content_type,
            stream,
        };
        if let Err(error) = self.call(|reply| Call::Response(head, reply)).await? {
            drain(body).await;
            return Err(error);
        }
        let (finish, answer) = match writer {
            Some(writer) => forward(body, &writer).await,
            None => match collect(body, MAX_RESPONSE).await {
                Ok(body) => (Finish::Whole(body), Ok(())),
                Err(Cut::Truncated) => (Finish::Truncated, Err(ApiError::Truncated)),
                Err(Cut::TooLarge) => (Finish::TooLarge, Err(ApiError::TooLarge)),
            },
        };
        let end = |reply| Call::ResponseEnd { id, finish, reply };
        let taken = self.call(end).await?;
        taken.and(answer)
    }

    /// Ends an invocation whose answer cannot be taken.
    async fn refuse(
        &self,
        id: String,
        nonce: Option<String>,
        reason: Refusal,
    ) -> Result<(), ApiError> {
        self.call(|reply| Call::Refused {
            id,
            nonce,
            reason,
            reply,
        })
        .await?
    }

    async fn error(
        &self,
        id: Option<String>,
        head: &HeaderMap,
        body: Incoming,
    ) -> Result<(), ApiError> {
        let category =
            protocol::error_category(protocol::header(head, headers::ERROR_TYPE).as_deref());
        let nonce = protocol::header(head, headers::INVOCATION_ID);
        let body = match (collect(body, MAX_ERROR).await, id.clone()) {
            (Ok(body), _) => protocol::error_document(head, body),
            (Err(Cut::TooLarge), Some(id)) => {
                self.refuse(id, nonce, Refusal::TooLarge).await?;
                return Err(ApiError::TooLarge);
            }
            (Err(cut), _) => return Err(cut.into()),
        };
        // The service puts words in the mouth of a runtime that reports an error without any.
        let body = if body.is_empty() {
            let given =
                protocol::header(head, headers::ERROR_TYPE).unwrap_or_else(|| category.clone());
            let words = serde_json::json!({"errorMessage": "Unknown application error occurred", "errorType": given});
            words.to_string().into()
        } else {
            body
        };
        match id {
            Some(id) => {
                self.call(|reply| Call::Error {
                    id,
                    nonce,
                    category,
                    body,
                    reply,
                })
                .await?
            }
            None => {
                self.call(|reply| Call::InitError {
                    category,
                    body,
                    reply,
                })
                .await?
            }
        }
    }
}

/// Reads a whole body. One above the limit is read to its end all the same: a client that is still writing would not
/// see the answer.
pub(super) async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, Cut> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Cut::Truncated)?.into_data() else {
            continue;
        };
        if whole.len() + data.len() > limit {
            drain(body).await;
            return Err(Cut::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

pub(super) async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}

/// Passes chunks on as they come. A failure in mid-stream is in the trailers.
async fn forward(mut body: Incoming, writer: &BodyWriter) -> (Finish, Result<(), ApiError>) {
    let mut failure = None;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return (Finish::Truncated, Err(ApiError::Truncated));
        };
        match frame.into_data() {
            // A reader that has gone must not make the runtime fail.
            Ok(data) => _ = writer.write(data).await,
            Err(frame) => {
                let trailers = frame.into_trailers().ok();
                failure = trailers.and_then(|trailers| trailer_error(&trailers));
            }
        }
    }
    (Finish::Streamed(failure), Ok(()))
}

fn trailer_error(trailers: &HeaderMap) -> Option<FunctionError> {
    let category = protocol::header(trailers, headers::ERROR_TYPE)?;
    let document = protocol::header(trailers, headers::ERROR_BODY).unwrap_or_default();
    let document = base64::engine::general_purpose::STANDARD
        .decode(document)
        .unwrap_or_default();
    Some(FunctionError::new(
        protocol::error_category(Some(&category)),
        String::from_utf8_lossy(&document),
    ))
}
