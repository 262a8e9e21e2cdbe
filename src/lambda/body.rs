//! The body of a response: whole, or in chunks as the function writes them.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{FunctionError, Outcome};

/// Chunks that may wait for their reader before the function is held back.
const CHUNKS: usize = 16;

/// How a streamed body ended.
#[derive(Debug)]
pub enum BodyEnd {
    /// The function wrote all of it.
    Complete,
    /// The function reported a failure after it had begun to answer.
    Failed(FunctionError),
    /// The invocation ended otherwise in the middle of the answer.
    Ended(Box<Outcome>),
}

/// A response body.
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// Chunks as they come; the last item says how it ended.
    Stream(mpsc::Receiver<Result<Bytes, BodyEnd>>),
}

impl Body {
    /// A streamed body and the end that fills it.
    #[must_use]
    pub fn stream() -> (BodyWriter, Self) {
        let (chunk_tx, chunk_rx) = mpsc::channel(CHUNKS);
        (BodyWriter { chunk_tx }, Self::Stream(chunk_rx))
    }

    /// The next chunk, or how the body ended.
    ///
    /// # Errors
    /// The body is at its end.
    pub async fn next(&mut self) -> Result<Bytes, BodyEnd> {
        match self {
            Self::Whole(bytes) if bytes.is_empty() => Err(BodyEnd::Complete),
            Self::Whole(bytes) => Ok(std::mem::take(bytes)),
            Self::Stream(chunk_rx) => chunk_rx.recv().await.unwrap_or_else(|| {
                let reason = "it ended in the middle of the response".to_owned();
                Err(BodyEnd::Ended(Box::new(Outcome::Lost(reason))))
            }),
        }
    }
}

/// The end of a streamed body that the Runtime API writes to.
#[derive(Clone, Debug)]
pub struct BodyWriter {
    chunk_tx: mpsc::Sender<Result<Bytes, BodyEnd>>,
}

impl BodyWriter {
    /// Passes a chunk on; waits while the reader is behind. False when nobody reads any more.
    pub async fn write(&self, chunk: Bytes) -> bool {
        self.chunk_tx.send(Ok(chunk)).await.is_ok()
    }

    /// Ends the body.
    pub async fn end(self, end: BodyEnd) {
        let _ = self.chunk_tx.send(Err(end)).await;
    }
}
