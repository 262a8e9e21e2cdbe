//! The host's end: one task that reads frames, one that writes them, and the handle that others hold.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::frame::{
    Answer, Controller, Decoder, Exit, FromSandbox, GRANT, Output, Role, Spawn, ToSandbox,
};
use super::stream::{Remote, Stream};

/// Output of a process in the sandbox.
#[derive(Debug)]
pub struct Log {
    /// The process, by the id it was started with.
    pub process: u32,
    /// What the process is.
    pub role: Role,
    /// Where it was written.
    pub output: Output,
    /// What was written. Dropping the last copy lets the process write as much again.
    pub bytes: Bytes,
}

/// What happened in the sandbox. Events come in the order in which they happened.
#[derive(Debug)]
#[expect(missing_docs, reason = "the docs of a variant name its fields")]
pub enum Event {
    /// The supervisor runs.
    Hello {
        version: u16,
        pid: u32,
        uid: u32,
        controller: Controller,
        port: u16,
    },
    /// A process was started.
    Spawned { process: u32, pid: u32 },
    /// A process could not be started.
    Failed {
        process: u32,
        errno: i32,
        path: String,
    },
    /// A process ended.
    Exited {
        process: u32,
        role: Role,
        exit: Exit,
    },
    /// A process connected to the supervisor's port.
    Opened(Stream),
    /// A process wrote something.
    Log(Log),
    /// The channel ended; the error says why, where it did not just close.
    Ended(Option<io::Error>),
}

/// A map that is gone once the channel has ended.
type Open<T> = Mutex<Option<HashMap<u32, T>>>;

/// State that the tasks and the streams share.
#[derive(Debug)]
pub(super) struct Shared {
    outgoing: mpsc::UnboundedSender<ToSandbox>,
    streams: Open<Remote>,
    questions: Open<oneshot::Sender<Answer>>,
    next_question: AtomicU32,
    next_stream: AtomicU32,
}

impl Shared {
    /// Queues a message. It is lost when the channel has ended, as it would be on the wire.
    pub(super) fn send(&self, message: ToSandbox) {
        let _ = self.outgoing.send(message);
    }

    pub(super) fn forget(&self, stream: u32) {
        if let Some(streams) = lock(&self.streams).as_mut() {
            streams.remove(&stream);
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // The maps are consistent after every statement, so a panic elsewhere does not make them wrong.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The verbs of a sandbox's supervisor. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Channel {
    shared: Arc<Shared>,
}

impl Channel {
    /// Starts a process under an id of the caller's.
    pub fn spawn(&self, process: u32, spawn: Spawn) {
        self.shared.send(ToSandbox::Spawn(process, spawn));
    }

    /// Sends a signal to a process, or to its group.
    pub fn signal(&self, process: u32, signal: i32, group: bool) {
        self.shared.send(ToSandbox::Signal {
            process,
            signal,
            group,
        });
    }

    /// Asks for the end of everything in the sandbox: at once with no grace, else after a request to end.
    pub fn finish(&self, grace: std::time::Duration) {
        let millis = grace.as_millis().try_into().unwrap_or(u32::MAX);
        self.shared.send(ToSandbox::Finish(millis));
    }

    /// Connects to a port inside the sandbox. A refused connection reads as closed.
    #[must_use]
    pub fn dial(&self, port: u16) -> Stream {
        let id = self.shared.next_stream.fetch_add(2, Ordering::Relaxed);
        let stream = self.register(id);
        self.shared.send(ToSandbox::Dial(id, port));
        stream
    }

    /// Asks what a path is. `None` when the channel ended first.
    pub async fn stat(&self, path: String) -> Option<Answer> {
        self.ask(|question| ToSandbox::Stat(question, path))
            .await
            .ok()
    }

    /// Asks for the names in a directory. `None` when the channel ended first.
    pub async fn list(&self, path: String) -> Option<Answer> {
        self.ask(|question| ToSandbox::List(question, path))
            .await
            .ok()
    }

    /// Asks for memory and processes. The answer never comes when the channel has ended.
    #[must_use]
    pub fn usage(&self) -> oneshot::Receiver<Answer> {
        self.ask(ToSandbox::Usage)
    }

    /// Asks whether a program of the sandbox listens on a port. `None` when the channel ended first.
    pub async fn listening(&self, port: u16) -> Option<bool> {
        match self
            .ask(|question| ToSandbox::Listening(question, port))
            .await
        {
            Ok(Answer::Listening(listening)) => Some(listening),
            Ok(_) => Some(false),
            Err(_) => None,
        }
    }

    fn ask(&self, message: impl FnOnce(u32) -> ToSandbox) -> oneshot::Receiver<Answer> {
        let question = self.shared.next_question.fetch_add(1, Ordering::Relaxed);
        let (answer_tx, answer_rx) = oneshot::channel();
        if let Some(questions) = lock(&self.shared.questions).as_mut() {
            questions.insert(question, answer_tx);
            self.shared.send(message(question));
        }
        answer_rx
    }

    fn register(&self, id: u32) -> Stream {
        let (stream, remote) = Stream::new(id, Arc::clone(&self.shared));
        match lock(&self.shared.streams).as_mut() {
            Some(streams) => _ = streams.insert(id, remote),
            None => remote.close(true),
        }
        stream
    }
}

/// Makes a channel of a duplex byte stream. The tasks end with the stream, or when the handle, every stream and the
/// receiver are gone.
pub fn open(
    reader: impl AsyncRead + Send + Unpin + 'static,
    writer: impl AsyncWrite + Send + Unpin + 'static,
    tasks: &TaskTracker,
) -> (Channel, mpsc::UnboundedReceiver<Event>) {
    let (outgoing, outgoing_rx) = mpsc::unbounded_channel();
    let (event_tx, event_rx) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        outgoing,
        streams: Mutex::new(Some(HashMap::new())),
        questions: Mutex::new(Some(HashMap::new())),
        next_question: AtomicU32::new(1),
        // Odd ids are this side's.
        next_stream: AtomicU32::new(1),
    });
    let channel = Channel { shared };
    tasks.spawn(write_frames(writer, outgoing_rx));
    tasks.spawn(
        Incoming {
            channel: channel.clone(),
            event_tx,
            consumed: HashMap::new(),
        }
        .read_frames(reader),
    );
    (channel, event_rx)
}

async fn write_frames(
    mut writer: impl AsyncWrite + Unpin,
    mut outgoing: mpsc::UnboundedReceiver<ToSandbox>,
) {
    let (mut batch, mut buffer) = (Vec::new(), Vec::new());
    while outgoing.recv_many(&mut batch, 64).await > 0 {
        batch
            .drain(..)
            .for_each(|message| message.encode(&mut buffer));
        // A failure here is a failure of the reading side too, which reports it.
        if writer.write_all(&buffer).await.is_err() || writer.flush().await.is_err() {
            return;
        }
        buffer.clear();
    }
    let _ = writer.shutdown().await;
}

struct Incoming {
    channel: Channel,
    event_tx: mpsc::UnboundedSender<Event>,
    consumed: HashMap<u32, Arc<AtomicUsize>>,
}

impl Incoming {
    async fn read_frames(mut self, mut reader: impl AsyncRead + Unpin) {
        let error = self.read_until_end(&mut reader).await.err();
        // Whoever waits for an answer or reads a stream learns of the end now.
        drop(lock(&self.channel.shared.questions).take());
        let streams = lock(&self.channel.shared.streams).take();
        streams
            .into_iter()
            .flatten()
            .for_each(|(_, remote)| remote.close(true));
        let _ = self.event_tx.send(Event::Ended(error));
    }

    async fn read_until_end(&mut self, reader: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
        let mut decoder = Decoder::default();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = tokio::select! {
                count = reader.read(&mut buffer) => count?,
                () = self.event_tx.closed() => return Ok(()),
            };
            if count == 0 {
                return Ok(());
            }
            decoder.feed(&buffer[..count]);
            while let Some(frame) = decoder.next_frame().map_err(io::Error::other)? {
                match FromSandbox::decode(frame) {
                    Ok(message) => self.take(message),
                    Err(error) => {
                        tracing::warn!(%error, "a frame from the supervisor was passed over");
                    }
                }
            }
        }
    }

    fn take(&mut self, message: FromSandbox) {
        let event = match message {
            FromSandbox::Hello {
                version,
                pid,
                uid,
                controller,
                port,
            } => Event::Hello {
                version,
                pid,
                uid,
                controller,
                port,
            },
            FromSandbox::Spawned(process, pid) => Event::Spawned { process, pid },
            FromSandbox::Failed {
                process,
                errno,
                path,
            } => Event::Failed {
                process,
                errno,
                path,
            },
            FromSandbox::Exited(process, role, exit) => Event::Exited {
                process,
                role,
                exit,
            },
            FromSandbox::Open(stream) => Event::Opened(self.channel.register(stream)),
            FromSandbox::Log {
                process,
                role,
                output,
                bytes,
            } => Event::Log(Log {
                process,
                role,
                output,
                bytes: self.lend(process, bytes),
            }),
            FromSandbox::Data(stream, bytes) => {
                return self.with(stream, |remote| remote.deliver(bytes.into()));
            }
            FromSandbox::Credit(stream, bytes) => {
                return self.with(stream, |remote| remote.grant(bytes as usize));
            }
            FromSandbox::Close { stream, both } => {
                return self.with(stream, |remote| remote.close(both));
            }
            FromSandbox::Answer(question, answer) => return self.answer(question, answer),
        };
        let _ = self.event_tx.send(event);
    }

    fn answer(&self, question: u32, answer: Answer) {
        let mut questions = lock(&self.channel.shared.questions);
        let asked = questions
            .as_mut()
            .and_then(|questions| questions.remove(&question));
        if let Some(answer_tx) = asked {
            let _ = answer_tx.send(answer);
        }
    }

    fn with(&self, stream: u32, act: impl FnOnce(&Remote)) {
        // A stream that was dropped here may still have frames under way.
        let streams = lock(&self.channel.shared.streams);
        if let Some(remote) = streams.as_ref().and_then(|streams| streams.get(&stream)) {
            act(remote);
        }
    }

    /// Wraps output so that its credit returns when the last reader lets go of it.
    fn lend(&mut self, process: u32, bytes: Vec<u8>) -> Bytes {
        let consumed = Arc::clone(self.consumed.entry(process).or_default());
        Bytes::from_owner(Lent {
            bytes,
            process,
            consumed,
            shared: Arc::clone(&self.channel.shared),
        })
    }
}

struct Lent {
    bytes: Vec<u8>,
    process: u32,
    consumed: Arc<AtomicUsize>,
    shared: Arc<Shared>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let total = self.consumed.fetch_add(self.bytes.len(), Ordering::Relaxed) + self.bytes.len();
        if total >= GRANT {
            let granted = self.consumed.swap(0, Ordering::Relaxed);
            self.shared.send(ToSandbox::LogCredit(
                self.process,
                granted.try_into().unwrap_or(u32::MAX),
            ));
        }
    }
}
