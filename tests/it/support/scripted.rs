//! A sandbox without an engine: the test plays the supervisor and the runtime, byte by byte, through the real channel.

use std::collections::HashMap;
use std::sync::Arc;

use sam_rs::channel::frame::{
    Answer, Controller, Decoder, Exit, FromSandbox, Role, ToSandbox, Usage, VERSION,
};
use sam_rs::engine::{Boxed, Ended, Engine, EngineError, Handle, Instance, Spec};
use sam_rs::lambda::event::{Event, Events, Init, Report};
use sam_rs::lambda::{Body, BodyEnd, Invocation, Outcome};
use sam_rs::sandbox::{Plan, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// An engine that hands out one end of a pipe.
#[derive(Debug)]
struct Pipe(std::sync::Mutex<Option<DuplexStream>>);

struct Nothing;

impl Engine for Pipe {
    fn start<'a>(&'a self, _: &'a Spec) -> Boxed<'a, Result<Instance, EngineError>> {
        let (reader, writer) =
            tokio::io::split(self.0.lock().unwrap().take().expect("one sandbox"));
        let (reader, writer) = (Box::new(reader), Box::new(writer));
        Box::pin(async {
            Ok(Instance {
                id: "scripted".into(),
                reader,
                writer,
                handle: Box::new(Nothing),
            })
        })
    }
}

impl Handle for Nothing {
    fn ended(&self) -> Boxed<'_, Ended> {
        Box::pin(async {
            Ended {
                out_of_memory: false,
                reason: "the script ended".into(),
            }
        })
    }

    fn remove(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }

    fn release(&self) {}
}

/// The other end of the channel.
pub(crate) struct Scripted {
    pipe: DuplexStream,
    decoder: Decoder,
    process: u32,
    next_stream: u32,
    sandbox: Option<Arc<Sandbox>>,
    /// What has come on connections that nobody has read from yet.
    received: HashMap<u32, Vec<u8>>,
    pub(crate) event_rx: mpsc::UnboundedReceiver<Event>,
}

impl Scripted {
    /// A sandbox whose runtime has been started, and does nothing by itself.
    pub(crate) async fn start(timeout: std::time::Duration) -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (events, event_rx) = Events::channel();
        let engine = Pipe(std::sync::Mutex::new(Some(theirs)));
        let sandbox = Sandbox::start(
            &engine,
            plan(timeout),
            Vec::new(),
            &events,
            &TaskTracker::new(),
        )
        .await
        .unwrap();
        let sandbox = Some(Arc::new(sandbox));
        let mut scripted = Self {
            pipe: ours,
            decoder: Decoder::default(),
            process: 0,
            next_stream: 2,
            sandbox,
            received: HashMap::new(),
            event_rx,
        };
        let controller = Controller::None;
        scripted
            .say(&FromSandbox::Hello {
                version: VERSION,
                pid: 1,
                uid: 0,
                controller,
                port: 9001,
            })
            .await;
        scripted.expect_spawn().await;
        scripted
    }

    /// Waits until the runtime is to be started.
    pub(crate) async fn expect_spawn(&mut self) {
        self.process = loop {
            if let ToSandbox::Spawn(process, _) = self.hear().await {
                break process;
            }
        };
        self.say(&FromSandbox::Spawned(self.process, 7)).await;
    }

    pub(crate) fn process(&self) -> u32 {
        self.process
    }

    /// The process that speaks from now on.
    pub(crate) fn set_process(&mut self, process: u32) {
        self.process = process;
    }

    /// Invokes the function; the task ends with the outcome.
    pub(crate) fn invoke(&self, event: &str) -> JoinHandle<Option<Outcome>> {
        let (sandbox, invocation) = (
            self.sandbox.clone().expect("it has not been ended"),
            Invocation::json(event.to_owned().into()),
        );
        tokio::spawn(async move { sandbox.invoke(Arc::new(invocation)).await })
    }

    pub(crate) async fn say(&mut self, message: &FromSandbox) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        self.pipe.write_all(&bytes).await.unwrap();
    }

    /// The next message to the supervisor; questions about figures are answered on the way.
    pub(crate) async fn hear(&mut self) -> ToSandbox {
        loop {
            while let Some(frame) = self.decoder.next_frame().unwrap() {
                match ToSandbox::decode(frame).unwrap() {
                    ToSandbox::Usage(question) => {
                        let usage = Usage {
                            memory: 1,
                            peak_memory: 64 << 20,
                            processes: 1,
                        };
                        self.say(&FromSandbox::Answer(question, Answer::Usage(usage)))
                            .await;
                    }
                    message => return message,
                }
            }
            let mut buffer = [0; 4096];
            let count = self.pipe.read(&mut buffer).await.unwrap();
            assert!(count > 0, "the channel ended");
            self.decoder.feed(&buffer[..count]);
        }
    }

    /// Opens a connection, as the runtime would.
    pub(crate) async fn connect(&mut self) -> u32 {
        let stream = self.next_stream;
        self.next_stream += 2;
        self.say(&FromSandbox::Open(stream)).await;
        stream
    }

    /// Sends bytes on a connection.
    pub(crate) async fn send(&mut self, stream: u32, bytes: &[u8]) {
        for chunk in bytes.chunks(60_000) {
            self.say(&FromSandbox::Data(stream, chunk.to_vec())).await;
        }
    }

    /// Reads one whole answer of the server: everything up to the end of a body of known length.
    pub(crate) async fn receive(&mut self, stream: u32) -> String {
        let mut bytes = self.received.remove(&stream).unwrap_or_default();
        loop {
            if let Some(text) = whole(&bytes) {
                return text;
            }
            match self.hear().await {
                ToSandbox::Data(at, chunk) if at == stream => bytes.extend(chunk),
                ToSandbox::Data(at, chunk) => self.received.entry(at).or_default().extend(chunk),
                ToSandbox::Close { stream: at, .. } if at == stream => {
                    panic!("closed: {:?}", String::from_utf8(bytes))
                }
                _ => {}
            }
        }
    }

    /// A request and its answer.
    pub(crate) async fn request(
        &mut self,
        stream: u32,
        method: &str,
        path: &str,
        body: &str,
    ) -> String {
        let length = body.len();
        let text = format!(
            "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        self.send(stream, text.as_bytes()).await;
        self.receive(stream).await
    }

    /// A request, with method and path as in its first line, and its answer.
    pub(crate) async fn call(&mut self, stream: u32, call: &str, head: &str, body: &str) -> String {
        let length = body.len();
        let text = format!(
            "{call} HTTP/1.1\r\nhost: x\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        self.send(stream, text.as_bytes()).await;
        self.receive(stream).await
    }

    /// Waits for an outcome while questions of the sandbox are answered.
    pub(crate) async fn outcome_of(
        &mut self,
        mut outcome: JoinHandle<Option<Outcome>>,
    ) -> Option<Outcome> {
        loop {
            tokio::select! {
                outcome = &mut outcome => return outcome.unwrap(),
                _ = self.hear() => {}
            }
        }
    }

    /// How a streamed body ends, while questions of the sandbox are answered.
    pub(crate) async fn end_of(&mut self, mut body: Body) -> BodyEnd {
        loop {
            tokio::select! {
                chunk = body.next() => match chunk {
                    Ok(_) => {}
                    Err(end) => return end,
                },
                _ = self.hear() => {}
            }
        }
    }

    /// The other end of the channel is gone.
    pub(crate) fn break_off(&mut self) {
        self.pipe = tokio::io::duplex(1).0;
    }

    /// Ends the sandbox without waiting for that.
    pub(crate) fn stop(&mut self) {
        let sandbox = self.sandbox.take().and_then(Arc::into_inner);
        tokio::spawn(sandbox.expect("nothing runs").stop());
    }

    /// Asks for work and returns the id of the invocation.
    pub(crate) async fn next(&mut self, stream: u32) -> String {
        let answer = self.request(stream, "GET", "invocation/next", "").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let id = answer
            .lines()
            .find_map(|line| line.strip_prefix("lambda-runtime-aws-request-id: "));
        id.expect("an id").to_owned()
    }

    /// Answers an invocation, and returns what the server says to that.
    pub(crate) async fn respond(&mut self, stream: u32, id: &str, body: &str) -> String {
        self.request(stream, "POST", &format!("invocation/{id}/response"), body)
            .await
    }

    /// Asks for work that there is none of yet.
    pub(crate) async fn park(&mut self, stream: u32) {
        let text = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: x\r\n\r\n";
        self.send(stream, text.as_bytes()).await;
    }

    /// Whether an invocation has been told to begin since this was last asked.
    pub(crate) fn has_started(&mut self) -> bool {
        std::iter::from_fn(|| self.event_rx.try_recv().ok())
            .any(|event| matches!(event, Event::Started { .. }))
    }

    /// The invocations that have been reported since this was last asked.
    pub(crate) fn reports(&mut self) -> Vec<Report> {
        let mut reports = Vec::new();
        while let Ok(event) = self.event_rx.try_recv() {
            if let Event::Finished(report) = event {
                reports.push(report);
            }
        }
        reports
    }

    /// The runtime ends; its connections are closed first, as the supervisor does.
    pub(crate) async fn exit(&mut self, streams: &[u32], exit: Exit) {
        for stream in streams {
            self.say(&FromSandbox::Close {
                stream: *stream,
                both: true,
            })
            .await;
        }
        self.say(&FromSandbox::Exited(self.process, Role::Runtime, exit))
            .await;
    }
}

/// An answer, when it is whole.
fn whole(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| {
        let line = line.to_lowercase();
        line.strip_prefix("content-length: ")?.parse().ok()
    });
    (body.len() >= length.unwrap_or(0)).then_some(text)
}

/// The status of an answer.
pub(crate) fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

/// The value of a header of an answer.
#[track_caller]
pub(crate) fn header(answer: &str, name: &str) -> String {
    let mut lines = answer.lines().map_while(|line| {
        line.split_once(": ")
            .or((!line.is_empty()).then_some((line, "")))
    });
    let found = lines.find(|(own, _)| *own == name);
    found
        .unwrap_or_else(|| panic!("{name} in {answer}"))
        .1
        .to_owned()
}

fn plan(timeout: std::time::Duration) -> Plan {
    let mut process = sam_rs::channel::frame::Spawn::default();
    process.argv.push("/bootstrap".into());
    process.env.push(("_HANDLER".into(), "app.handler".into()));
    Plan {
        spec: Spec::default(),
        process,
        bootstraps: Vec::new(),
        function: "Scripted".into(),
        init: Init {
            function: "Scripted".into(),
            ..Init::default()
        },
        function_arn: "arn:aws:lambda:us-east-1:123456789012:function:Scripted".into(),
        timeout,
        memory_mb: 128,
        patience: std::time::Duration::from_millis(20),
        grace: std::time::Duration::ZERO,
        parallel: false,
        debugged: false,
    }
}
