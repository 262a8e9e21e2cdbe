//! The supervisor's end of the channel: a Unix socket where sam-rs listens on one, else standard input and output.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::channel::frame::{Decoder, FrameError, FromSandbox, MAX_FRAME, ToSandbox};
use crate::sys::{self, PollFd};

/// Where sam-rs mounts the directory of its socket.
pub(crate) const SOCKET: &str = "/.sam-rs/channel/s";

/// Frames in and out, never waiting.
pub(crate) struct Link {
    input: File,
    output: File,
    decoder: Decoder,
    queue: Vec<u8>,
    sent: usize,
    ended: bool,
}

impl Link {
    /// Connects to sam-rs. Any failure of the socket means that the channel is standard input and output: which of the
    /// two sam-rs can see is not known here, and it takes the one that speaks first.
    pub(crate) fn open(socket: &str) -> io::Result<Self> {
        let (input, output): (OwnedFd, OwnedFd) = match UnixStream::connect(socket) {
            Ok(stream) => (stream.try_clone()?.into(), stream.into()),
            Err(_) => (sys::take_standard(0)?, sys::take_standard(1)?),
        };
        sys::set_nonblocking(input.as_fd())?;
        sys::set_nonblocking(output.as_fd())?;
        let (input, output) = (File::from(input), File::from(output));
        Ok(Self {
            input,
            output,
            decoder: Decoder::default(),
            queue: Vec::new(),
            sent: 0,
            ended: false,
        })
    }

    pub(crate) fn input(&self) -> RawFd {
        self.input.as_raw_fd()
    }

    pub(crate) fn output(&self) -> RawFd {
        self.output.as_raw_fd()
    }

    /// Bytes that wait for sam-rs to read.
    pub(crate) fn backlog(&self) -> usize {
        self.queue.len() - self.sent
    }

    /// Whether sam-rs is gone.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Queues a message.
    pub(crate) fn send(&mut self, message: &FromSandbox) {
        message.encode(&mut self.queue);
    }

    /// Takes what has arrived; the messages are then handed out by [`next`](Self::next).
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) {
        match self.input.read(buffer) {
            Ok(0) => self.ended = true,
            Ok(count) => self.decoder.feed(&buffer[..count]),
            Err(error) => self.ended |= !passing(&error),
        }
    }

    /// The next whole message. A kind that this version does not know is passed over: a newer sam-rs may send one.
    pub(crate) fn next(&mut self) -> Option<ToSandbox> {
        loop {
            match self.decoder.next_frame() {
                Ok(None) => return None,
                Ok(Some(frame)) => match ToSandbox::decode(frame) {
                    Ok(message) => return Some(message),
                    Err(error) => eprintln!("sam-rs supervisor: {error}"),
                },
                Err(error) => {
                    self.broken(error);
                    return None;
                }
            }
        }
    }

    fn broken(&mut self, error: FrameError) {
        eprintln!("sam-rs supervisor: the channel is broken: {error}");
        self.decoder = Decoder::default();
        self.ended = true;
    }

    /// Writes as much of the queue as the channel takes.
    pub(crate) fn flush(&mut self) {
        while self.backlog() > 0 {
            match self.output.write(&self.queue[self.sent..]) {
                Ok(count) => {
                    self.sent += count;
                    // The queue may never be empty while a slow channel is kept busy.
                    if self.sent > MAX_FRAME {
                        self.queue.drain(..self.sent);
                        self.sent = 0;
                    }
                }
                Err(error) => {
                    self.ended |= !passing(&error);
                    return;
                }
            }
        }
        self.queue.clear();
        self.sent = 0;
    }

    /// Writes the whole queue, within a bound: nobody may be reading any more.
    pub(crate) fn flush_within(&mut self, limit: Duration) {
        let end = Instant::now() + limit;
        self.flush();
        while self.backlog() > 0 && !self.ended {
            let Some(left) = end.checked_duration_since(Instant::now()) else {
                return;
            };
            let _ = sys::wait_ready(&mut [PollFd::new(self.output(), sys::WRITE)], Some(left));
            self.flush();
        }
    }
}

/// Whether a read or write may work later.
pub(crate) fn passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
