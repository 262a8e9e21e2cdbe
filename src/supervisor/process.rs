//! A process of the sandbox and its two output pipes.

use std::fs;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::process::{Child, Command, Stdio};

use crate::channel::frame::{Exit, FromSandbox, MAX_PAYLOAD, Output, Role, Spawn, WINDOW};
use crate::link::{Link, passing};
use crate::sys::{self, PollFd};

/// Room for a log frame's two leading bytes.
const CHUNK: usize = MAX_PAYLOAD - 2;
/// What a pipe holds unless its writer asked for more: no more than this can be ahead of a byte on a connection.
const PIPE: usize = 64 * 1024;

/// A process that was started here.
pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) pid: u32,
    pub(crate) role: Role,
    group: bool,
    pipes: Vec<(Output, PipeReader)>,
    credit: usize,
    pub(crate) running: bool,
    exit: Option<Exit>,
}

impl Process {
    /// Starts a process. The error names the path that it is about.
    pub(crate) fn start(id: u32, spawn: &Spawn) -> Result<Self, (io::Error, String)> {
        // The standard library's error does not say whether directory or program is missing.
        fs::metadata(&spawn.cwd).map_err(|error| (error, spawn.cwd.clone()))?;
        let program = spawn.argv.first().cloned().unwrap_or_default();
        Self::exec(id, &program, spawn).map_err(|error| (error, program))
    }

    fn exec(id: u32, program: &str, spawn: &Spawn) -> io::Result<Self> {
        let (out_read, out_write) = io::pipe()?;
        let (err_read, err_write) = io::pipe()?;
        sys::set_nonblocking(out_read.as_fd())?;
        sys::set_nonblocking(err_read.as_fd())?;
        let mut command = Command::new(program);
        command
            .args(spawn.argv.get(1..).unwrap_or_default())
            .env_clear()
            .envs(spawn.env.iter().map(|(name, value)| (name, value)));
        command
            .current_dir(&spawn.cwd)
            .stdin(Stdio::null())
            .stdout(out_write)
            .stderr(err_write);
        if spawn.group {
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        sys::prepare_child(&mut command, sys::Program::new(&spawn.argv, &spawn.env));
        let child: Child = command.spawn()?;
        Ok(Self {
            id,
            pid: child.id(),
            role: if spawn.extension {
                Role::Extension
            } else {
                Role::Runtime
            },
            group: spawn.group,
            pipes: vec![(Output::Stdout, out_read), (Output::Stderr, err_read)],
            credit: WINDOW,
            running: true,
            exit: None,
        })
    }

    /// Pipes to wait for.
    pub(crate) fn interest(&self) -> impl Iterator<Item = PollFd> {
        let wanted = if self.credit > 0 {
            self.pipes.as_slice()
        } else {
            &[]
        };
        wanted
            .iter()
            .map(|(_, pipe)| PollFd::new(pipe.as_raw_fd(), sys::READ))
    }

    pub(crate) fn grant(&mut self, bytes: u32) {
        self.credit = self.credit.saturating_add(bytes as usize);
    }

    /// Sends what the process has written. True when all that was there at the call has been sent; false when sam-rs
    /// must take some of it first.
    pub(crate) fn drain(&mut self, link: &mut Link, buffer: &mut [u8]) -> bool {
        let mut index = 0;
        while index < self.pipes.len() {
            let (output, pipe) = &mut self.pipes[index];
            let mut read = 0;
            let ended = loop {
                if self.credit == 0 {
                    return false;
                }
                let limit = self.credit.min(CHUNK).min(buffer.len());
                match pipe.read(&mut buffer[..limit]) {
                    Ok(0) => break true,
                    Ok(count) => {
                        self.credit -= count;
                        read += count;
                        let (process, bytes) = (self.id, buffer[..count].to_vec());
                        link.send(&FromSandbox::Log {
                            process,
                            role: self.role,
                            output: *output,
                            bytes,
                        });
                    }
                    Err(error) => break !passing(&error),
                }
                // A process that writes without end must not keep its own answer back.
                if read >= PIPE {
                    break false;
                }
            };
            if ended {
                self.pipes.remove(index);
            } else {
                index += 1;
            }
        }
        true
    }

    /// Takes note of the end, to be told when everything that came before it has been.
    pub(crate) fn end(&mut self, exit: Exit) {
        self.running = false;
        self.exit = Some(exit);
    }

    /// Whether the process has ended and sam-rs does not know yet.
    pub(crate) fn end_untold(&self) -> bool {
        self.exit.is_some()
    }

    /// Tells of the end.
    pub(crate) fn tell_end(&mut self, link: &mut Link) {
        if let Some(exit) = self.exit.take() {
            link.send(&FromSandbox::Exited(self.id, self.role, exit));
        }
    }

    /// Whether nothing more can come from the process.
    pub(crate) fn finished(&self) -> bool {
        !self.running && self.exit.is_none() && self.pipes.is_empty()
    }

    /// Sends a signal, to the whole group where asked for and there is one.
    pub(crate) fn signal(&self, signal: i32, group: bool) {
        let Ok(pid) = i32::try_from(self.pid) else {
            return;
        };
        if group && self.group {
            // The group outlives its leader while members are left.
            let _ = sys::kill(-pid, signal);
        } else if self.running {
            let _ = sys::kill(pid, signal);
        }
    }
}
