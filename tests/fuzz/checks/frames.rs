//! Any bytes as frames of the channel, for either side: what is a message is the same after it was written and read again.

use sam_rs::channel::frame::{Decoder, FromSandbox, ToSandbox};
use sam_rs::channel::{self, Event};
use tokio_util::task::TaskTracker;

/// Checks one input; its first byte says in which pieces the rest arrives.
pub(crate) fn check(data: &[u8]) {
    let Some((piece, bytes)) = data.split_first() else {
        return;
    };
    let mut decoder = Decoder::default();
    'input: for chunk in bytes.chunks(usize::from(*piece) + 1) {
        decoder.feed(chunk);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => {
                    if let Ok(message) = ToSandbox::decode(frame.clone()) {
                        let mut out = Vec::new();
                        message.encode(&mut out);
                        assert_eq!(ToSandbox::decode(only_frame(&out)).unwrap(), message);
                    }
                    if let Ok(message) = FromSandbox::decode(frame) {
                        let mut out = Vec::new();
                        message.encode(&mut out);
                        assert_eq!(FromSandbox::decode(only_frame(&out)).unwrap(), message);
                    }
                }
                Ok(None) => break,
                Err(_) => break 'input,
            }
        }
    }
    read_by_a_channel(bytes.to_vec());
}

fn only_frame(bytes: &[u8]) -> (u8, u32, Vec<u8>) {
    let mut decoder = Decoder::default();
    decoder.feed(bytes);
    decoder.next_frame().unwrap().unwrap()
}

/// A channel that reads the bytes ends when they do, whatever they are.
fn read_by_a_channel(bytes: Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let tasks = TaskTracker::new();
        let reader = std::io::Cursor::new(bytes);
        let (_channel, mut event_rx) = channel::open(reader, tokio::io::sink(), &tasks);
        let mut streams = Vec::new();
        while let Some(event) = event_rx.recv().await {
            match event {
                Event::Opened(stream) => streams.push(stream),
                Event::Ended(_) => return,
                _ => {}
            }
        }
        panic!("the end was not told");
    });
}
