//! The wire format between sam-rs and the supervisor: frames, and the messages that they carry.
//!
//! This file is compiled into both programs, so it uses the standard library only and knows neither Lambda nor an
//! engine. A frame is `u32` length of what follows, `u8` kind, `u32` stream, payload; integers are little endian; a
//! frame is at most [`MAX_FRAME`] bytes. A message that needs more is sent as continuation frames followed by its own.
//!
//! Each direction of a stream starts with [`WINDOW`] bytes of credit; a receiver grants more as it consumes, so that a
//! slow reader holds back only its stream.

use std::fmt;

/// Version of the protocol, carried by the first message of the supervisor.
pub const VERSION: u16 = 1;
/// Largest frame in bytes, its length field included.
pub const MAX_FRAME: usize = 64 * 1024;
/// Bytes before a frame's payload: length, kind, stream.
pub const HEADER: usize = 9;
/// Largest payload of one frame in bytes.
pub const MAX_PAYLOAD: usize = MAX_FRAME - HEADER;
/// Bytes that a sender may have under way on a stream before the receiver grants more.
pub const WINDOW: usize = 256 * 1024;

/// Bytes consumed before they are granted again: often enough never to stall the sender, seldom enough to cost nothing.
pub const GRANT: usize = WINDOW / 4;
/// Largest message in bytes, continuation frames included: a guard against a peer that never ends one.
pub const MAX_MESSAGE: usize = 8 * 1024 * 1024;

const CONTINUED: u8 = 0;

/// Which program a process is; the supervisor only carries it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The process that runs the function.
    Runtime,
    /// A companion process.
    Extension,
}

/// Which output a log chunk was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Which kind of memory controller the sandbox has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// None that can be read: memory figures are those of single processes.
    None,
    /// Control groups version 1.
    V1,
    /// Control groups version 2.
    V2,
}

/// A process to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spawn {
    /// Program and arguments; the program is a path or is looked for in `PATH` of `env`.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// Working directory.
    pub cwd: String,
    /// Whether the process leads a process group of its own.
    pub group: bool,
    /// True for a companion process.
    pub extension: bool,
}

/// How a process ended, and what it used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// Exit status, where it ended by itself.
    pub status: Option<i32>,
    /// Number of the signal that killed it.
    pub signal: Option<i32>,
    /// Whether the kernel killed something in the sandbox for lack of memory around this death.
    pub out_of_memory: bool,
    /// Peak memory in bytes: the sandbox's where a controller can be read, else the process's.
    pub peak_memory: u64,
    /// Processor time in microseconds.
    pub cpu_micros: u64,
}

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// True for a directory.
    pub directory: bool,
    /// Permission bits.
    pub mode: u32,
    /// Size in bytes.
    pub size: u64,
}

/// Memory and processes of the sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes in use now.
    pub memory: u64,
    /// Most bytes in use since the sandbox started.
    pub peak_memory: u64,
    /// Processes, the supervisor not counted.
    pub processes: u32,
}

/// The answer to a question about the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The question failed with this `errno`.
    Error(i32),
    /// Answer to [`ToSandbox::Stat`].
    Stat(Stat),
    /// Answer to [`ToSandbox::List`]: the names in a directory, sorted.
    List(Vec<String>),
    /// Answer to [`ToSandbox::Usage`].
    Usage(Usage),
    /// Answer to [`ToSandbox::Listening`].
    Listening(bool),
}

/// A message from sam-rs to the supervisor. Process and question ids are chosen by sam-rs; stream ids by the side that
/// opens the stream (odd here, even there).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the docs of a variant name its fields; in the supervisor nothing here is public"
)]
pub enum ToSandbox {
    /// Start a process.
    Spawn(u32, Spawn),
    /// Send a signal to a process, or to its whole group.
    Signal {
        process: u32,
        signal: i32,
        group: bool,
    },
    /// Bytes of a connection.
    Data(u32, Vec<u8>),
    /// No more bytes follow on a connection; with `both`, none are wanted either.
    Close { stream: u32, both: bool },
    /// The receiver of a connection has consumed this many bytes.
    Credit(u32, u32),
    /// The receiver of a process's output has consumed this many bytes.
    LogCredit(u32, u32),
    /// Connect to a port inside the sandbox.
    Dial(u32, u16),
    /// Ask what a path is.
    Stat(u32, String),
    /// Ask for the names in a directory.
    List(u32, String),
    /// Ask for memory and processes.
    Usage(u32),
    /// Ask whether a program of the sandbox listens on a port.
    Listening(u32, u16),
    /// End everything: at once with a grace of 0 ms, else after a request to end and that many milliseconds.
    Finish(u32),
}

/// A message from the supervisor to sam-rs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the docs of a variant name its fields; in the supervisor nothing here is public"
)]
pub enum FromSandbox {
    /// The first message.
    Hello {
        version: u16,
        pid: u32,
        uid: u32,
        controller: Controller,
        port: u16,
    },
    /// A process runs.
    Spawned(u32, u32),
    /// A process could not be started: the `errno`, and the path that it is about.
    Failed {
        process: u32,
        errno: i32,
        path: String,
    },
    /// A process ended; everything it had written is ahead of this message.
    Exited(u32, Role, Exit),
    /// A process in the sandbox connected to the port of [`FromSandbox::Hello`].
    Open(u32),
    /// Bytes of a connection.
    Data(u32, Vec<u8>),
    /// No more bytes follow on a connection; with `both`, none are wanted either.
    Close { stream: u32, both: bool },
    /// The receiver of a connection has consumed this many bytes.
    Credit(u32, u32),
    /// The answer to the question with this id.
    Answer(u32, Answer),
    /// Output of a process.
    Log {
        process: u32,
        role: Role,
        output: Output,
        bytes: Vec<u8>,
    },
}

/// Why bytes are not a frame or a frame is not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The length field is below the header's or above [`MAX_FRAME`].
    Length(u32),
    /// A message of more than [`MAX_MESSAGE`] bytes.
    Message,
    /// A kind that this version does not know.
    Kind(u8),
    /// A payload that does not fit its kind.
    Payload(u8),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(length) => write!(f, "frame length {length} is out of range"),
            Self::Message => f.write_str("message is too long"),
            Self::Kind(kind) => write!(f, "unknown frame kind {kind}"),
            Self::Payload(kind) => write!(f, "malformed payload in a frame of kind {kind}"),
        }
    }
}

impl std::error::Error for FrameError {}

/// A frame whose payload is whole: kind, stream, payload.
pub type Frame = (u8, u32, Vec<u8>);

/// Cuts a byte stream into frames, and joins continued ones.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    start: usize,
    joined: Vec<u8>,
}

impl Decoder {
    /// Takes bytes as they were read.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        } else if self.start > MAX_FRAME {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, if there is one.
    ///
    /// # Errors
    /// The bytes are not of this protocol; the stream cannot be used any more.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            let rest = &self.buffer[self.start..];
            let Some(length) = rest.first_chunk::<4>() else {
                return Ok(None);
            };
            let length = u32::from_le_bytes(*length);
            let end = 4 + length as usize;
            if !(HEADER..=MAX_FRAME).contains(&end) {
                return Err(FrameError::Length(length));
            }
            if rest.len() < end {
                return Ok(None);
            }
            let (kind, payload) = (rest[4], &rest[HEADER..end]);
            let stream = u32::from_le_bytes([rest[5], rest[6], rest[7], rest[8]]);
            self.start += end;
            if self.joined.is_empty() && kind != CONTINUED {
                return Ok(Some((kind, stream, payload.to_vec())));
            }
            if self.joined.len() + payload.len() > MAX_MESSAGE {
                return Err(FrameError::Message);
            }
            self.joined.extend_from_slice(payload);
            if kind != CONTINUED {
                return Ok(Some((kind, stream, std::mem::take(&mut self.joined))));
            }
        }
    }
}

/// Appends a message to `out` as one frame or several.
pub fn put_frame(out: &mut Vec<u8>, kind: u8, stream: u32, payload: &[u8]) {
    let mut rest = payload;
    while rest.len() > MAX_PAYLOAD {
        let (head, tail) = rest.split_at(MAX_PAYLOAD);
        put_one(out, CONTINUED, stream, head);
        rest = tail;
    }
    put_one(out, kind, stream, rest);
}

fn put_one(out: &mut Vec<u8>, kind: u8, stream: u32, payload: &[u8]) {
    // At most MAX_FRAME, so the cast cannot lose anything.
    out.extend_from_slice(&((HEADER - 4 + payload.len()) as u32).to_le_bytes());
    out.push(kind);
    out.extend_from_slice(&stream.to_le_bytes());
    out.extend_from_slice(payload);
}

/// Writes the fields of a payload.
#[derive(Default)]
pub(super) struct Fields(pub(super) Vec<u8>);

impl Fields {
    pub(super) fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }
    pub(super) fn u16(mut self, value: u16) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
    pub(super) fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
    pub(super) fn i32(mut self, value: i32) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
    pub(super) fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
    pub(super) fn bytes(mut self, value: &[u8]) -> Self {
        self.0.extend_from_slice(value);
        self
    }
    pub(super) fn string(self, value: &str) -> Self {
        self.u32(value.len() as u32).bytes(value.as_bytes())
    }
    pub(super) fn strings<'a>(self, values: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let count = values.len() as u32;
        values.fold(self.u32(count), Self::string)
    }
}

/// Reads the fields of a payload; `None` where it ends early.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }
    pub(super) fn u8(&mut self) -> Option<u8> {
        Some(self.array::<1>()?[0])
    }
    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }
    pub(super) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }
    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
    pub(super) fn string(&mut self) -> Option<String> {
        let length = self.u32()? as usize;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }
    pub(super) fn strings(&mut self) -> Option<Vec<String>> {
        let count = self.u32()? as usize;
        // Each string takes four bytes at least: a count that cannot be true must not reserve memory.
        (count <= self.0.len() / 4).then_some(())?;
        (0..count).map(|_| self.string()).collect()
    }
}
