//! One connection of the sandbox as an asynchronous byte stream.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;

use super::frame::{GRANT, MAX_PAYLOAD, ToSandbox, WINDOW};
use super::mux::{Shared, lock};

/// What the other side allows.
#[derive(Debug)]
struct Allowance {
    credit: usize,
    gone: bool,
    waker: Option<Waker>,
}

/// The channel's side of a stream.
#[derive(Debug)]
pub(super) struct Remote {
    incoming_tx: mpsc::UnboundedSender<Option<Bytes>>,
    allowance: Arc<Mutex<Allowance>>,
    ended: Arc<AtomicBool>,
}

impl Remote {
    pub(super) fn deliver(&self, bytes: Bytes) {
        let _ = self.incoming_tx.send(Some(bytes));
    }

    pub(super) fn grant(&self, bytes: usize) {
        let mut allowance = lock(&self.allowance);
        allowance.credit = allowance.credit.saturating_add(bytes);
        if let Some(waker) = allowance.waker.take() {
            waker.wake();
        }
    }

    pub(super) fn close(&self, both: bool) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.incoming_tx.send(None);
        if both {
            let mut allowance = lock(&self.allowance);
            allowance.gone = true;
            if let Some(waker) = allowance.waker.take() {
                waker.wake();
            }
        }
    }
}

/// A connection between sam-rs and a process in the sandbox. Dropping it closes it.
#[derive(Debug)]
pub struct Stream {
    id: u32,
    shared: Arc<Shared>,
    incoming_rx: mpsc::UnboundedReceiver<Option<Bytes>>,
    allowance: Arc<Mutex<Allowance>>,
    ended: Arc<AtomicBool>,
    current: Bytes,
    consumed: usize,
    read_ended: bool,
    write_ended: bool,
}

impl Stream {
    pub(super) fn new(id: u32, shared: Arc<Shared>) -> (Self, Remote) {
        // Unbounded, but never more than the window that the sender has been granted.
        let (incoming_tx, incoming_rx) = mpsc::unbounded_channel();
        let allowance = Arc::new(Mutex::new(Allowance {
            credit: WINDOW,
            gone: false,
            waker: None,
        }));
        let ended = Arc::new(AtomicBool::new(false));
        let remote = Remote {
            incoming_tx,
            allowance: Arc::clone(&allowance),
            ended: Arc::clone(&ended),
        };
        let stream = Self {
            id,
            shared,
            incoming_rx,
            allowance,
            ended,
            current: Bytes::new(),
            consumed: 0,
            read_ended: false,
            write_ended: false,
        };
        (stream, remote)
    }

    /// Set when the other side sends no more, whether or not what it had sent has been read.
    #[must_use]
    pub fn ended(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.ended)
    }

    fn consume(&mut self, count: usize) {
        self.current.advance(count);
        self.consumed += count;
        if self.consumed >= GRANT {
            let granted = std::mem::take(&mut self.consumed);
            self.shared.send(ToSandbox::Credit(
                self.id,
                granted.try_into().unwrap_or(u32::MAX),
            ));
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.current.is_empty() && !self.read_ended {
            match ready!(self.incoming_rx.poll_recv(cx)) {
                Some(Some(bytes)) => self.current = bytes,
                Some(None) | None => self.read_ended = true,
            }
        }
        let count = self.current.len().min(buf.remaining());
        buf.put_slice(&self.current[..count]);
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut allowance = lock(&self.allowance);
        if allowance.gone || self.write_ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if allowance.credit == 0 {
            allowance.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = bytes.len().min(allowance.credit).min(MAX_PAYLOAD);
        allowance.credit -= count;
        self.shared
            .send(ToSandbox::Data(self.id, bytes[..count].to_vec()));
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.write_ended {
            self.write_ended = true;
            self.shared.send(ToSandbox::Close {
                stream: self.id,
                both: false,
            });
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.forget(self.id);
        self.shared.send(ToSandbox::Close {
            stream: self.id,
            both: true,
        });
    }
}
