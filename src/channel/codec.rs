//! Messages of the channel to frames and back; like [`frame`](super::frame), compiled into both programs.

use super::frame::{
    Answer, Controller, Exit, Fields, Frame, FrameError, FromSandbox, Output, Reader, Role, Spawn,
    Stat, ToSandbox, Usage, put_frame,
};

/// Frame kinds. Those of both directions come first, so that they read the same on either side.
mod kind {
    pub(super) const DATA: u8 = 1;
    pub(super) const CLOSE: u8 = 2;
    pub(super) const CREDIT: u8 = 3;
    pub(super) const SPAWN: u8 = 16;
    pub(super) const SIGNAL: u8 = 17;
    pub(super) const LOG_CREDIT: u8 = 18;
    pub(super) const DIAL: u8 = 19;
    pub(super) const STAT: u8 = 20;
    pub(super) const LIST: u8 = 21;
    pub(super) const USAGE: u8 = 22;
    pub(super) const FINISH: u8 = 23;
    pub(super) const LISTENING: u8 = 24;
    pub(super) const HELLO: u8 = 32;
    pub(super) const SPAWNED: u8 = 33;
    pub(super) const FAILED: u8 = 34;
    pub(super) const EXITED: u8 = 35;
    pub(super) const OPEN: u8 = 36;
    pub(super) const ANSWER: u8 = 37;
    pub(super) const LOG: u8 = 38;
}

impl ToSandbox {
    /// Appends the message to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let fields = Fields::default();
        let (kind, stream, fields) = match self {
            Self::Spawn(process, spawn) => (kind::SPAWN, *process, encode_spawn(spawn)),
            Self::Signal {
                process,
                signal,
                group,
            } => (
                kind::SIGNAL,
                *process,
                fields.i32(*signal).u8(u8::from(*group)),
            ),
            Self::Data(stream, bytes) => return put_frame(out, kind::DATA, *stream, bytes),
            Self::Close { stream, both } => (kind::CLOSE, *stream, fields.u8(u8::from(*both))),
            Self::Credit(stream, bytes) => (kind::CREDIT, *stream, fields.u32(*bytes)),
            Self::LogCredit(process, bytes) => (kind::LOG_CREDIT, *process, fields.u32(*bytes)),
            Self::Dial(stream, port) => (kind::DIAL, *stream, fields.u16(*port)),
            Self::Stat(question, path) => (kind::STAT, *question, fields.string(path)),
            Self::List(question, path) => (kind::LIST, *question, fields.string(path)),
            Self::Usage(question) => (kind::USAGE, *question, fields),
            Self::Listening(question, port) => (kind::LISTENING, *question, fields.u16(*port)),
            Self::Finish(grace) => (kind::FINISH, 0, fields.u32(*grace)),
        };
        put_frame(out, kind, stream, &fields.0);
    }

    /// Reads a message.
    ///
    /// # Errors
    /// The frame's kind is unknown or its payload malformed.
    pub fn decode((kind, stream, payload): Frame) -> Result<Self, FrameError> {
        let mut read = Reader(&payload);
        let message = match kind {
            kind::SPAWN => decode_spawn(&mut read).map(|spawn| Self::Spawn(stream, spawn)),
            kind::SIGNAL => read
                .i32()
                .zip(read.u8())
                .map(|(signal, group)| Self::Signal {
                    process: stream,
                    signal,
                    group: group != 0,
                }),
            kind::DATA => return Ok(Self::Data(stream, payload)),
            kind::CLOSE => read.u8().map(|both| Self::Close {
                stream,
                both: both != 0,
            }),
            kind::CREDIT => read.u32().map(|bytes| Self::Credit(stream, bytes)),
            kind::LOG_CREDIT => read.u32().map(|bytes| Self::LogCredit(stream, bytes)),
            kind::DIAL => read.u16().map(|port| Self::Dial(stream, port)),
            kind::STAT => read.string().map(|path| Self::Stat(stream, path)),
            kind::LIST => read.string().map(|path| Self::List(stream, path)),
            kind::USAGE => Some(Self::Usage(stream)),
            kind::LISTENING => read.u16().map(|port| Self::Listening(stream, port)),
            kind::FINISH => read.u32().map(Self::Finish),
            _ => return Err(FrameError::Kind(kind)),
        };
        message.ok_or(FrameError::Payload(kind))
    }
}

impl FromSandbox {
    /// Appends the message to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let fields = Fields::default();
        let (kind, stream, fields) = match self {
            Self::Hello {
                version,
                pid,
                uid,
                controller,
                port,
            } => {
                let fields = fields.u16(*version).u32(*pid).u32(*uid);
                (kind::HELLO, 0, fields.u8(*controller as u8).u16(*port))
            }
            Self::Spawned(process, pid) => (kind::SPAWNED, *process, fields.u32(*pid)),
            Self::Failed {
                process,
                errno,
                path,
            } => (kind::FAILED, *process, fields.i32(*errno).string(path)),
            Self::Exited(process, role, exit) => (kind::EXITED, *process, encode_exit(*role, exit)),
            Self::Open(stream) => (kind::OPEN, *stream, fields),
            Self::Data(stream, bytes) => return put_frame(out, kind::DATA, *stream, bytes),
            Self::Close { stream, both } => (kind::CLOSE, *stream, fields.u8(u8::from(*both))),
            Self::Credit(stream, bytes) => (kind::CREDIT, *stream, fields.u32(*bytes)),
            Self::Answer(question, answer) => (kind::ANSWER, *question, encode_answer(answer)),
            Self::Log {
                process,
                role,
                output,
                bytes,
            } => (
                kind::LOG,
                *process,
                fields.u8(*role as u8).u8(*output as u8).bytes(bytes),
            ),
        };
        put_frame(out, kind, stream, &fields.0);
    }

    /// Reads a message.
    ///
    /// # Errors
    /// The frame's kind is unknown or its payload malformed.
    pub fn decode((kind, stream, payload): Frame) -> Result<Self, FrameError> {
        let mut read = Reader(&payload);
        let message = match kind {
            kind::HELLO => decode_hello(&mut read),
            kind::SPAWNED => read.u32().map(|pid| Self::Spawned(stream, pid)),
            kind::FAILED => read
                .i32()
                .zip(read.string())
                .map(|(errno, path)| Self::Failed {
                    process: stream,
                    errno,
                    path,
                }),
            kind::EXITED => {
                decode_exit(&mut read).map(|(role, exit)| Self::Exited(stream, role, exit))
            }
            kind::OPEN => Some(Self::Open(stream)),
            kind::DATA => return Ok(Self::Data(stream, payload)),
            kind::CLOSE => read.u8().map(|both| Self::Close {
                stream,
                both: both != 0,
            }),
            kind::CREDIT => read.u32().map(|bytes| Self::Credit(stream, bytes)),
            kind::ANSWER => decode_answer(&mut read).map(|answer| Self::Answer(stream, answer)),
            kind::LOG => read.u8().zip(read.u8()).map(|(role, output)| Self::Log {
                process: stream,
                role: role_from(role),
                output: if output == 0 {
                    Output::Stdout
                } else {
                    Output::Stderr
                },
                bytes: read.0.to_vec(),
            }),
            _ => return Err(FrameError::Kind(kind)),
        };
        message.ok_or(FrameError::Payload(kind))
    }
}

fn role_from(byte: u8) -> Role {
    if byte == 0 {
        Role::Runtime
    } else {
        Role::Extension
    }
}

fn encode_spawn(spawn: &Spawn) -> Fields {
    Fields::default()
        .strings(spawn.argv.iter().map(String::as_str))
        .strings(spawn.env.iter().map(|(name, _)| name.as_str()))
        .strings(spawn.env.iter().map(|(_, value)| value.as_str()))
        .string(&spawn.cwd)
        .u8(u8::from(spawn.group))
        .u8(u8::from(spawn.extension))
}

fn decode_spawn(read: &mut Reader<'_>) -> Option<Spawn> {
    let argv = read.strings()?;
    let (names, values) = (read.strings()?, read.strings()?);
    (names.len() == values.len()).then_some(())?;
    let env = names.into_iter().zip(values).collect();
    Some(Spawn {
        argv,
        env,
        cwd: read.string()?,
        group: read.u8()? != 0,
        extension: read.u8()? != 0,
    })
}

fn decode_hello(read: &mut Reader<'_>) -> Option<FromSandbox> {
    let (version, pid, uid) = (read.u16()?, read.u32()?, read.u32()?);
    let controller = match read.u8()? {
        1 => Controller::V1,
        2 => Controller::V2,
        _ => Controller::None,
    };
    Some(FromSandbox::Hello {
        version,
        pid,
        uid,
        controller,
        port: read.u16()?,
    })
}

fn encode_exit(role: Role, exit: &Exit) -> Fields {
    let (how, number) = match (exit.status, exit.signal) {
        (Some(status), _) => (0, status),
        (None, Some(signal)) => (1, signal),
        (None, None) => (2, 0),
    };
    let fields = Fields::default()
        .u8(role as u8)
        .u8(how)
        .i32(number)
        .u8(u8::from(exit.out_of_memory));
    fields.u64(exit.peak_memory).u64(exit.cpu_micros)
}

fn decode_exit(read: &mut Reader<'_>) -> Option<(Role, Exit)> {
    let (role, how, number) = (role_from(read.u8()?), read.u8()?, read.i32()?);
    let exit = Exit {
        status: (how == 0).then_some(number),
        signal: (how == 1).then_some(number),
        out_of_memory: read.u8()? != 0,
        peak_memory: read.u64()?,
        cpu_micros: read.u64()?,
    };
    Some((role, exit))
}

fn encode_answer(answer: &Answer) -> Fields {
    let fields = Fields::default();
    match answer {
        Answer::Error(errno) => fields.u8(0).i32(*errno),
        Answer::Stat(stat) => fields
            .u8(1)
            .u8(u8::from(stat.directory))
            .u32(stat.mode)
            .u64(stat.size),
        Answer::List(names) => fields.u8(2).strings(names.iter().map(String::as_str)),
        Answer::Usage(usage) => fields
            .u8(3)
            .u64(usage.memory)
            .u64(usage.peak_memory)
            .u32(usage.processes),
        Answer::Listening(listening) => fields.u8(4).u8(u8::from(*listening)),
    }
}

fn decode_answer(read: &mut Reader<'_>) -> Option<Answer> {
    Some(match read.u8()? {
        0 => Answer::Error(read.i32()?),
        1 => Answer::Stat(Stat {
            directory: read.u8()? != 0,
            mode: read.u32()?,
            size: read.u64()?,
        }),
        2 => Answer::List(read.strings()?),
        3 => Answer::Usage(Usage {
            memory: read.u64()?,
            peak_memory: read.u64()?,
            processes: read.u32()?,
        }),
        4 => Answer::Listening(read.u8()? != 0),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::frame::{Decoder, HEADER, MAX_FRAME, VERSION};

    fn frames(bytes: &[u8], step: usize) -> Vec<Frame> {
        let mut decoder = Decoder::default();
        let mut frames = Vec::new();
        for chunk in bytes.chunks(step) {
            decoder.feed(chunk);
            while let Some(frame) = decoder.next_frame().expect("valid frames") {
                frames.push(frame);
            }
        }
        frames
    }

    fn to_sandbox() -> Vec<ToSandbox> {
        let spawn = Spawn {
            argv: vec!["/bin/sh".into(), "-c".into()],
            env: vec![
                ("A".into(), "é".into()),
                ("BIG".into(), "x".repeat(3 * MAX_FRAME)),
            ],
            cwd: "/var/task".into(),
            group: true,
            extension: false,
        };
        vec![
            ToSandbox::Spawn(7, spawn),
            ToSandbox::Signal {
                process: 7,
                signal: 15,
                group: true,
            },
            ToSandbox::Data(2, vec![0, 1, 2]),
            ToSandbox::Close {
                stream: 2,
                both: true,
            },
            ToSandbox::Credit(2, 9),
            ToSandbox::LogCredit(7, 10),
            ToSandbox::Dial(1, 9001),
            ToSandbox::Stat(3, "/var/task/bootstrap".into()),
            ToSandbox::List(4, "/opt/extensions".into()),
            ToSandbox::Usage(5),
            ToSandbox::Listening(6, 5858),
            ToSandbox::Finish(2000),
        ]
    }

    fn from_sandbox() -> Vec<FromSandbox> {
        let exit = Exit {
            signal: Some(9),
            out_of_memory: true,
            peak_memory: 5,
            cpu_micros: 6,
            ..Exit::default()
        };
        vec![
            FromSandbox::Hello {
                version: VERSION,
                pid: 1,
                uid: 993,
                controller: Controller::V2,
                port: 9001,
            },
            FromSandbox::Spawned(7, 12),
            FromSandbox::Failed {
                process: 7,
                errno: 2,
                path: "/x".into(),
            },
            FromSandbox::Exited(7, Role::Extension, exit),
            FromSandbox::Open(2),
            FromSandbox::Data(2, b"GET".to_vec()),
            FromSandbox::Close {
                stream: 2,
                both: false,
            },
            FromSandbox::Credit(2, 1),
            FromSandbox::Answer(3, Answer::Error(2)),
            FromSandbox::Answer(
                3,
                Answer::Stat(Stat {
                    directory: false,
                    mode: 0o755,
                    size: 1 << 40,
                }),
            ),
            FromSandbox::Answer(4, Answer::List(vec!["a".into(), "b".into()])),
            FromSandbox::Answer(
                5,
                Answer::Usage(Usage {
                    memory: 1,
                    peak_memory: 2,
                    processes: 3,
                }),
            ),
            FromSandbox::Answer(6, Answer::Listening(true)),
            FromSandbox::Log {
                process: 7,
                role: Role::Runtime,
                output: Output::Stderr,
                bytes: vec![0xff],
            },
        ]
    }

    #[test]
    fn every_message_survives_the_wire_in_pieces_of_any_size() {
        let (mut out, mut back) = (Vec::new(), Vec::new());
        to_sandbox()
            .iter()
            .for_each(|message| message.encode(&mut out));
        from_sandbox()
            .iter()
            .for_each(|message| message.encode(&mut back));
        for step in [1, 7, 4096, usize::MAX] {
            let there: Vec<_> = frames(&out, step)
                .into_iter()
                .map(|f| ToSandbox::decode(f).unwrap())
                .collect();
            assert_eq!(there, to_sandbox());
            let here: Vec<_> = frames(&back, step)
                .into_iter()
                .map(|f| FromSandbox::decode(f).unwrap())
                .collect();
            assert_eq!(here, from_sandbox());
        }
    }

    #[test]
    fn what_is_no_frame_or_no_message_is_an_error() {
        let mut decoder = Decoder::default();
        decoder.feed(&[0, 0, 0, 0]);
        assert_eq!(decoder.next_frame(), Err(FrameError::Length(0)));
        let mut decoder = Decoder::default();
        decoder.feed(&u32::MAX.to_le_bytes());
        assert_eq!(decoder.next_frame(), Err(FrameError::Length(u32::MAX)));
        assert_eq!(
            FromSandbox::decode((99, 0, vec![])),
            Err(FrameError::Kind(99))
        );
        assert_eq!(
            FromSandbox::decode((kind::SPAWNED, 0, vec![1])),
            Err(FrameError::Payload(kind::SPAWNED))
        );
        let many = u32::MAX.to_le_bytes().to_vec();
        assert_eq!(
            ToSandbox::decode((kind::SPAWN, 0, many)),
            Err(FrameError::Payload(kind::SPAWN))
        );
        assert_eq!(HEADER, 9);
    }
}
