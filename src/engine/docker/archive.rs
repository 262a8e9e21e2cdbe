//! Files for a container whose engine cannot see this machine's: an archive that is streamed into it before the start.

use std::io::{self, Write};
use std::path::Path;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::create::SUPERVISOR;
use crate::engine::Content;

/// Chunks between the thread that reads files and the request that sends them.
const CHUNKS: usize = 16;
const CHUNK: usize = 64 * 1024;

/// The archive for a container, built on a thread of its own while it is sent. The first file that cannot be read ends it
/// early, and is reported through the receiver.
pub(super) fn stream(
    supervisor: &'static [u8],
    content: &[Content],
    tasks: &TaskTracker,
) -> Streamed {
    let content = content.to_vec();
    written(tasks, move |chunks| build(supervisor, &content, chunks))
}

/// What is written on a thread of its own while it is sent; the receiver tells how the writing ended.
pub(super) fn written(
    tasks: &TaskTracker,
    write: impl FnOnce(&mut Chunks) -> io::Result<()> + Send + 'static,
) -> Streamed {
    let (chunk_tx, mut chunk_rx) = mpsc::channel(CHUNKS);
    let ended = tasks.spawn_blocking(move || {
        let mut chunks = Chunks {
            chunk_tx,
            buffer: Vec::new(),
        };
        write(&mut chunks)?;
        chunks.flush()
    });
    let stream = futures_util::stream::poll_fn(move |cx| chunk_rx.poll_recv(cx));
    (Box::pin(stream), ended)
}

/// Bytes that are sent, and how their writing ended.
pub(super) type Streamed = (
    Pin<Box<dyn Stream<Item = Bytes> + Send>>,
    JoinHandle<io::Result<()>>,
);

fn build(supervisor: &[u8], content: &[Content], chunks: &mut Chunks) -> io::Result<()> {
    let mut archive = tar::Builder::new(chunks);
    archive.follow_symlinks(false);
    // Engines do not know how archives write files with holes.
    archive.sparse(false);
    let mut header = tar::Header::new_gnu();
    header.set_size(supervisor.len() as u64);
    header.set_mode(0o755);
    archive.append_data(&mut header, inside(SUPERVISOR), supervisor)?;
    for content in content {
        append(&mut archive, content).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("{}: {error}", content.source.display()),
            )
        })?;
    }
    archive.finish()
}

fn append(archive: &mut tar::Builder<&mut Chunks>, content: &Content) -> io::Result<()> {
    let target = inside(&content.target);
    if content.source.is_dir() {
        archive.append_dir_all(target, &content.source)
    } else {
        archive.append_path_with_name(&content.source, target)
    }
}

/// Names in an archive are relative to the root.
fn inside(path: &str) -> &Path {
    Path::new(path.trim_start_matches('/'))
}

/// Gathers small writes into chunks, and waits while the request is behind.
pub(super) struct Chunks {
    chunk_tx: mpsc::Sender<Bytes>,
    buffer: Vec<u8>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let chunk = Bytes::from(std::mem::take(&mut self.buffer));
        self.chunk_tx
            .blocking_send(chunk)
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
