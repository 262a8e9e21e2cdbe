//! Any runtime, in any order: whatever it says and however it dies, every invocation has exactly one outcome, is begun
//! and reported once, and is given to one process at most.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use sam_rs::channel::frame::{Exit, FromSandbox, ToSandbox};
use sam_rs::lambda::event::Event;

use crate::support::scripted::Scripted;

/// Something that a runtime does, without waiting for an answer.
#[derive(Clone, Copy, Debug)]
enum Move {
    Connect,
    Next,
    Respond,
    RespondToAnother,
    Stream,
    HalfBody,
    Fail,
    FailInit,
    Garbage,
    HangUp,
    Exit(i32),
    Wait(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        2 => Just(Move::Connect),
        4 => Just(Move::Next),
        3 => Just(Move::Respond),
        1 => Just(Move::RespondToAnother),
        1 => Just(Move::Stream),
        1 => Just(Move::HalfBody),
        1 => Just(Move::Fail),
        1 => Just(Move::FailInit),
        1 => Just(Move::Garbage),
        1 => Just(Move::HangUp),
        1 => (0..3).prop_map(Move::Exit),
        1 => (1_u64..2000).prop_map(Move::Wait),
    ];
    prop::collection::vec(one, 0..40)
}

/// A runtime that makes its moves, and what it has been given.
struct Rude {
    sandbox: Scripted,
    streams: Vec<u32>,
    process: u32,
    /// Which processes were given an invocation.
    given: BTreeMap<String, BTreeSet<u32>>,
    current: String,
}

impl Rude {
    /// Takes in what the sandbox says, until it says nothing for a moment.
    async fn listen(&mut self, moment: Duration) {
        while let Ok(message) = tokio::time::timeout(moment, self.sandbox.hear()).await {
            match message {
                ToSandbox::Spawn(process, _) => {
                    self.process = process;
                    self.sandbox.set_process(process);
                    self.streams.clear();
                }
                ToSandbox::Signal { .. } => {
                    self.exit(Exit {
                        signal: Some(9),
                        ..Exit::default()
                    })
                    .await;
                }
                ToSandbox::Data(stream, bytes) if self.streams.contains(&stream) => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    let ids = text
                        .lines()
                        .filter_map(|line| line.strip_prefix("lambda-runtime-aws-request-id: "));
                    for id in ids {
                        self.given
                            .entry(id.to_owned())
                            .or_default()
                            .insert(self.process);
                        id.clone_into(&mut self.current);
                    }
                }
                _ => {}
            }
        }
    }

    async fn exit(&mut self, exit: Exit) {
        let streams = std::mem::take(&mut self.streams);
        self.sandbox.exit(&streams, exit).await;
    }

    async fn post(&mut self, path: &str, extra: &str, body: &str) {
        if let Some(stream) = self.streams.last().copied() {
            let head = format!("POST /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: x\r\n{extra}");
            self.sandbox
                .send(stream, format!("{head}\r\n{body}").as_bytes())
                .await;
        }
    }

    async fn act(&mut self, what: Move) {
        let id = self.current.clone();
        let one = "content-length: 1\r\n";
        match what {
            Move::Connect => {
                let stream = self.sandbox.connect().await;
                self.streams.push(stream);
            }
            Move::Next => {
                if let Some(stream) = self.streams.last().copied() {
                    self.sandbox.park(stream).await;
                }
            }
            Move::Respond => {
                self.post(&format!("invocation/{id}/response"), one, "1")
                    .await;
            }
            Move::RespondToAnother => self.post("invocation/no-such-id/response", one, "1").await,
            Move::Stream => {
                let extra = "lambda-runtime-function-response-mode: streaming\r\ntransfer-encoding: chunked\r\n";
                self.post(
                    &format!("invocation/{id}/response"),
                    extra,
                    "3\r\nabc\r\n0\r\n\r\n",
                )
                .await;
            }
            Move::HalfBody => {
                self.post(
                    &format!("invocation/{id}/response"),
                    "content-length: 9\r\n",
                    "1",
                )
                .await;
            }
            Move::Fail => self.post(&format!("invocation/{id}/error"), one, "1").await,
            Move::FailInit => self.post("init/error", one, "1").await,
            Move::Garbage => self.post("\0 nonsense", "", "").await,
            Move::HangUp => {
                if let Some(stream) = self.streams.pop() {
                    self.sandbox
                        .say(&FromSandbox::Close { stream, both: true })
                        .await;
                }
            }
            Move::Exit(status) => {
                self.exit(Exit {
                    status: Some(status),
                    ..Exit::default()
                })
                .await;
            }
            Move::Wait(millis) => self.listen(Duration::from_millis(millis)).await,
        }
        self.listen(Duration::from_millis(1)).await;
    }
}

async fn check(moves: Vec<Move>, invocations: usize) {
    let sandbox = Scripted::start(Duration::from_secs(1)).await;
    let process = sandbox.process();
    let mut rude = Rude {
        sandbox,
        streams: Vec::new(),
        process,
        given: BTreeMap::new(),
        current: String::new(),
    };
    let share = moves.len() / invocations + 1;
    let mut moves = moves.into_iter();
    for _ in 0..invocations {
        let mut outcome = rude.sandbox.invoke("1");
        for what in moves.by_ref().take(share) {
            rude.act(what).await;
        }
        // Longer than initialisation, its second attempt and the timeout together.
        let end = tokio::time::Instant::now() + Duration::from_secs(30);
        let outcome = loop {
            assert!(
                tokio::time::Instant::now() < end,
                "an invocation has no outcome"
            );
            tokio::select! {
                outcome = &mut outcome => break outcome.unwrap(),
                () = rude.listen(Duration::from_millis(50)) => {}
            }
        };
        assert!(outcome.is_some(), "an invocation was dropped");
    }
    rude.listen(Duration::from_secs(2)).await;
    let (mut begun, mut finished) = (BTreeSet::new(), BTreeSet::new());
    while let Ok(event) = rude.sandbox.event_rx.try_recv() {
        match event {
            Event::Started { request_id } => {
                assert!(begun.insert(request_id.to_string()), "begun twice");
            }
            Event::Finished(report) => assert!(
                finished.insert(report.request_id.to_string()),
                "reported twice"
            ),
            _ => {}
        }
    }
    assert_eq!((begun.len(), finished.len()), (invocations, invocations));
    for (id, processes) in rude.given {
        assert!(processes.len() <= 1, "{id} was given to {processes:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_invocation_has_one_outcome_and_one_delivery(moves in moves(), invocations in 1_usize..4) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(check(moves, invocations));
    }
}
