//! The start of a sandbox: create, attach, start, and the channel that comes up first.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bollard::container::{AttachContainerResults, LogOutput};
use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tracing::{Instrument, debug_span};

use super::create::{self, Mounts};
use super::rendezvous::Rendezvous;
use super::{Docker, archive, client::Client};
use crate::engine::reaper::Reaper;
use crate::engine::spec::{Network, Spec, Transport};
use crate::engine::{Boxed, Ended, EngineError, Handle, Instance, supervisor};

/// How long the supervisor may take to speak once the engine says that the container runs.
const HELLO: Duration = Duration::from_secs(10);
/// How long the engine may take to notice that a container has ended.
const NOTICE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);

/// Starts a sandbox.
pub(super) async fn start(docker: &Docker, spec: &Spec) -> Result<Instance, EngineError> {
    if let Network::Named(network) = &spec.network {
        docker.client.find_network(network).await?;
    }
    docker.reaper.guard_container(&spec.name);
    let (id, rendezvous) = create(docker, spec).await?;
    docker.reaper.created(&spec.name);
    docker.events.note(format!("SAM_CONTAINER_ID: {id}"));
    if let Network::Named(network) = &spec.network {
        docker.client.connect_network(network, &spec.name).await?;
    }
    let attached = docker.client.attach(&spec.name).await?;
    let hello = debug_span!("hello");
    let (reader, writer) = connect(docker, spec, Attached::new(attached), rendezvous)
        .instrument(hello)
        .await?;
    let handle = DockerHandle {
        client: Arc::clone(&docker.client),
        reaper: docker.reaper.clone(),
        name: spec.name.clone(),
    };
    Ok(Instance {
        id,
        reader,
        writer,
        handle: Box::new(handle),
    })
}

/// Makes the container, with files mounted where the engine can see this machine's, else copied in.
async fn create(docker: &Docker, spec: &Spec) -> Result<(String, Option<Rendezvous>), EngineError> {
    if spec.transport != Transport::Archive && docker.client.shares_files() {
        let supervisor = supervisor::file(&docker.env)?;
        let rendezvous = (spec.transport == Transport::Auto)
            .then(|| rendezvous(docker, spec))
            .flatten();
        let channel = rendezvous.as_ref().map(Rendezvous::directory);
        let body = create::body(
            spec,
            Some(&Mounts {
                supervisor: &supervisor,
                channel,
            }),
        );
        match docker
            .client
            .create(&spec.name, spec.architecture, body)
            .await
        {
            Ok(id) => return Ok((id, rendezvous)),
            // The socket of an engine elsewhere: it does not know the sources of the mounts.
            Err(EngineError::Create {
                status: Some(400),
                reason,
            }) if spec.transport == Transport::Auto => {
                tracing::debug!(%reason, "the engine cannot mount files of this machine, they are copied in");
            }
            Err(error) => return Err(error),
        }
    }
    let id = create_filled(docker, spec).await?;
    Ok((id, None))
}

async fn create_filled(docker: &Docker, spec: &Spec) -> Result<String, EngineError> {
    let (os, architecture) = docker.client.platform().await?;
    if os != "linux" || architecture != supervisor::ARCHITECTURE {
        return Err(EngineError::Platform {
            platform: format!("{os}/{architecture}"),
        });
    }
    let id = docker
        .client
        .create(&spec.name, spec.architecture, create::body(spec, None))
        .await?;
    let (archive, built) = archive::stream(supervisor::bytes()?, &spec.content, &docker.tasks);
    let sent = docker.client.upload(&spec.name, archive).await;
    // A file that cannot be read is why the engine got a broken archive, so it is reported first.
    let built = built
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)));
    match (built, sent) {
        // The engine stopped reading, which is no fault of the files.
        (Err(error), Err(refused)) if error.kind() == io::ErrorKind::BrokenPipe => Err(refused),
        (Err(source), _) => Err(files("copying files into the container", source)),
        (Ok(()), sent) => sent.map(|()| id),
    }
}

fn rendezvous(docker: &Docker, spec: &Spec) -> Option<Rendezvous> {
    let opened = Rendezvous::open(&docker.env, &spec.name, &docker.reaper);
    opened.inspect_err(|error| tracing::debug!(%error, "no socket for the supervisor, it uses standard streams")).ok()
}

type Duplex = (
    Box<dyn AsyncRead + Send + Unpin>,
    Box<dyn AsyncWrite + Send + Unpin>,
);

/// Starts the container and waits for the supervisor, which may be faster than the engine's answer.
async fn connect(
    docker: &Docker,
    spec: &Spec,
    mut attached: Attached,
    rendezvous: Option<Rendezvous>,
) -> Result<Duplex, EngineError> {
    let mut started = request_start(docker, &spec.name);
    let mut waiting = true;
    let silent = tokio::time::sleep(HELLO);
    tokio::pin!(silent);
    loop {
        tokio::select! {
            stream = accept(rendezvous.as_ref()) => {
                let (reader, writer) = stream.map_err(|source| files("accepting the supervisor", source))?.into_split();
                docker.tasks.spawn(attached.drain());
                return Ok((Box::new(reader), Box::new(writer)));
            }
            spoke = attached.fill() => match spoke {
                Ok(true) => {
                    let writer = attached.input.take().unwrap_or_else(|| Box::pin(tokio::io::sink()));
                    return Ok((Box::new(attached), Box::new(writer)));
                }
                Ok(false) | Err(_) => return Err(ended_early(docker, spec, attached.said, waiting.then_some(started)).await),
            },
            result = &mut started, if waiting => {
                result.unwrap_or(Ok(()))?;
                waiting = false;
                silent.as_mut().reset(tokio::time::Instant::now() + HELLO);
            }
            () = &mut silent, if !waiting => {
                let reason = format!("the supervisor said nothing for {} seconds", HELLO.as_secs());
                return Err(EngineError::Silent { reason });
            }
        }
    }
}

/// Asks for the start in a task of its own: the request must not be cut short when the supervisor is faster.
fn request_start(docker: &Docker, name: &str) -> oneshot::Receiver<Result<(), EngineError>> {
    let (started_tx, started_rx) = oneshot::channel();
    let (client, name) = (Arc::clone(&docker.client), name.to_owned());
    docker
        .tasks
        .spawn(async move { started_tx.send(client.start(&name).await) });
    started_rx
}

async fn accept(rendezvous: Option<&Rendezvous>) -> io::Result<tokio::net::UnixStream> {
    match rendezvous {
        Some(rendezvous) => rendezvous.accept().await,
        None => std::future::pending().await,
    }
}

/// The error of a container whose streams ended before the supervisor spoke: the engine's own, where it has one.
async fn ended_early(
    docker: &Docker,
    spec: &Spec,
    said: String,
    started: Option<oneshot::Receiver<Result<(), EngineError>>>,
) -> EngineError {
    if let Some(started) = started
        && let Ok(Ok(Err(error))) = tokio::time::timeout(HELLO, started).await
    {
        return error;
    }
    let ended = ended(&docker.client, &spec.name).await;
    let said = said.trim();
    EngineError::Silent {
        reason: if said.is_empty() {
            ended.reason
        } else {
            said.to_owned()
        },
    }
}

/// Why a container ended. Its channel may end before the engine has taken note.
async fn ended(client: &Client, name: &str) -> Ended {
    let end = tokio::time::Instant::now() + NOTICE;
    let state = loop {
        match client.state(name).await {
            Ok(Some(state)) if state.running == Some(true) && tokio::time::Instant::now() < end => {
                tokio::time::sleep(PAUSE).await;
            }
            Ok(Some(state)) => break state,
            Ok(None) => return told("the container was removed"),
            Err(error) => {
                tracing::debug!(%error, "the engine was asked why a container ended");
                return told("the engine does not answer any more");
            }
        }
    };
    let error = state.error.filter(|error| !error.is_empty());
    let status = state.exit_code.unwrap_or_default();
    let reason = error.unwrap_or_else(|| format!("the container ended with status {status}"));
    Ended {
        out_of_memory: state.oom_killed.unwrap_or(false),
        reason,
    }
}

fn told(reason: &str) -> Ended {
    Ended {
        out_of_memory: false,
        reason: reason.to_owned(),
    }
}

fn files(action: &str, source: io::Error) -> EngineError {
    EngineError::Files {
        action: action.to_owned(),
        source,
    }
}

/// The container's standard streams: what comes from standard output reads as bytes, standard error is for the log.
struct Attached {
    output: Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>,
    input: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    current: Bytes,
    said: String,
}

impl Attached {
    fn new(attached: AttachContainerResults) -> Self {
        Self {
            output: attached.output,
            input: Some(attached.input),
            current: Bytes::new(),
            said: String::new(),
        }
    }

    fn take(&mut self, output: LogOutput) {
        match output {
            LogOutput::StdErr { message } => {
                let text = String::from_utf8_lossy(&message);
                tracing::warn!(text = text.trim_end(), "supervisor");
                self.said.push_str(&text);
            }
            LogOutput::StdOut { message }
            | LogOutput::Console { message }
            | LogOutput::StdIn { message } => {
                self.current = message;
            }
        }
    }

    /// Waits for the first bytes, keeping them. False when the stream ended without.
    async fn fill(&mut self) -> io::Result<bool> {
        while self.current.is_empty() {
            match self.output.next().await {
                Some(output) => self.take(output.map_err(io::Error::other)?),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Reads what the supervisor may say about itself, where it uses the socket. Holds the input open meanwhile.
    async fn drain(mut self) {
        while let Some(Ok(output)) = self.output.next().await {
            self.take(output);
        }
    }
}

impl AsyncRead for Attached {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.current.is_empty() {
            match ready!(self.output.as_mut().poll_next(cx)) {
                Some(output) => {
                    let output = output.map_err(io::Error::other)?;
                    self.take(output);
                }
                None => return Poll::Ready(Ok(())),
            }
        }
        let count = self.current.len().min(buf.remaining());
        buf.put_slice(&self.current[..count]);
        self.current.advance(count);
        Poll::Ready(Ok(()))
    }
}

struct DockerHandle {
    client: Arc<Client>,
    reaper: Reaper,
    name: String,
}

impl Handle for DockerHandle {
    fn ended(&self) -> Boxed<'_, Ended> {
        Box::pin(ended(&self.client, &self.name))
    }

    fn remove(&self) -> Boxed<'_, ()> {
        Box::pin(async {
            match self.client.remove(&self.name).await {
                Ok(_) => self.release(),
                Err(error) => tracing::warn!(%error, "the container is left to the reaper"),
            }
        })
    }

    fn release(&self) {
        self.reaper.release(&self.name);
    }
}
