//! Any bytes on a connection to the Runtime API: the server ends with them, and an invocation is answered at most once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sam_rs::lambda::{Deadline, Invocation};
use sam_rs::runtime_api::{
    Call, Delivery, Exchange, ExtensionCall, Finish, Registered, Waiting, serve,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

/// Stands for the invocation's id in an input.
const ID: &[u8] = b"$ID";

/// Checks one input.
pub(crate) fn check(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let invocation = Arc::new(Invocation::json("{}".into()));
        let bytes = replaced(data, invocation.request_id.as_str().as_bytes());
        let (client, server) = tokio::io::duplex(256);
        let (call_tx, call_rx) = mpsc::unbounded_channel();
        let serving = serve(server, Arc::new(AtomicBool::new(false)), call_tx);
        let (mut reader, mut writer) = tokio::io::split(client);
        let talk = async {
            let send = async {
                // The server may have closed its end already.
                let _ = writer.write_all(&bytes).await;
                let _ = writer.shutdown().await;
            };
            let mut answers = Vec::new();
            let _ = tokio::join!(send, reader.read_to_end(&mut answers));
            assert!(
                answers.is_empty() || answers.starts_with(b"HTTP/1."),
                "{answers:?}"
            );
        };
        let all = async { tokio::join!(serving, sandbox(call_rx, invocation), talk) };
        tokio::time::timeout(Duration::from_secs(8), all)
            .await
            .expect("it ends");
    });
}

fn replaced(data: &[u8], id: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(data.len());
    let mut at = 0;
    while at < data.len() {
        if data[at..].starts_with(ID) {
            bytes.extend_from_slice(id);
            at += ID.len();
        } else {
            bytes.push(data[at]);
            at += 1;
        }
    }
    bytes
}

/// What is behind the server: an exchange with one invocation. A call that waits for more work is dropped.
async fn sandbox(mut call_rx: mpsc::UnboundedReceiver<Call>, invocation: Arc<Invocation>) {
    let mut exchange: Exchange<Waiting> = Exchange::default();
    let delivery = Delivery {
        invocation,
        deadline: Deadline::after(Duration::from_secs(3)),
        function_arn: "arn".to_owned(),
        nonce: "nonce".to_owned(),
    };
    let mut offered = Some(delivery);
    let mut answers = 0;
    while let Some(call) = call_rx.recv().await {
        match call {
            Call::Next(waiting) => match exchange.next(waiting) {
                Ok(polled) => {
                    let fresh = offered.take().and_then(|delivery| exchange.offer(delivery));
                    if let Some((waiting, delivery)) = polled.deliver.or(fresh) {
                        let _ = waiting.reply.send(Ok(delivery));
                    } else {
                        exchange.abandon();
                    }
                }
                Err((waiting, error)) => _ = waiting.reply.send(Err(error)),
            },
            Call::Response(head, reply) => {
                let begun = exchange.begin_response(&head.id, head.nonce.as_deref());
                if begun.is_ok()
                    && let Some((_, mut body)) = head.stream
                {
                    tokio::spawn(async move { while body.next().await.is_ok() {} });
                }
                let _ = reply.send(begun);
            }
            Call::ResponseEnd { id, finish, reply } => {
                answers += u32::from(!matches!(finish, Finish::Truncated));
                let _ = reply.send(exchange.end_response(&id));
            }
            Call::Error {
                id, nonce, reply, ..
            }
            | Call::Refused {
                id, nonce, reply, ..
            } => {
                let taken = exchange.error(&id, nonce.as_deref());
                answers += u32::from(taken.is_ok());
                let _ = reply.send(taken);
            }
            Call::Extension(ExtensionCall::Register { reply, .. }) => {
                let _ = reply.send(Ok(Registered::default()));
            }
            Call::Extension(ExtensionCall::Next { .. }) => {}
            Call::Extension(ExtensionCall::Failed { reply, .. }) => _ = reply.send(Ok(())),
            Call::InitError { reply, .. } => _ = reply.send(exchange.init_error()),
        }
    }
    assert!(answers <= 1, "an invocation was answered twice");
}
