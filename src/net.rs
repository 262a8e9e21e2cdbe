//! Accepts connections until it is asked to end, and lets those end in order that there are. Knows no routes.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long is waited when the machine has no more descriptors for connections.
const PAUSE: Duration = Duration::from_millis(50);
/// Largest head of a request.
const MAX_HEAD: usize = 256 * 1024;

/// Serves connections of a listener with a function from request to response, until the token is cancelled. Then nothing
/// is accepted any more; connections end after the response that they are at, and are waited for.
pub async fn serve<F, B>(
    listener: TcpListener,
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    stop: CancellationToken,
    tasks: &TaskTracker,
) where
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let connections = TaskTracker::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Whoever was about to connect has gone, or there are no descriptors left: neither ends the service.
                    tracing::debug!(%error, "a connection was not accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
            () = stop.cancelled() => break,
        };
        let connection = connection(stream, answer.clone(), stop.clone());
        connections.spawn(tasks.track_future(connection));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection<F, B>(
    stream: TcpStream,
    answer: impl Fn(Request<Incoming>) -> F,
    stop: CancellationToken,
) where
    F: Future<Output = Response<B>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // Answers are small and each is waited for.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let answered = answer(request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .max_buf_size(MAX_HEAD)
        .max_header_size(MAX_HEAD);
    let served = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
