//! One TCP connection inside the sandbox, and its stream in the channel.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::os::linux::net::TcpStreamExt;

use crate::channel::frame::{FromSandbox, GRANT, WINDOW};
use crate::link::{Link, passing};
use crate::sys::{self, PollFd};

/// Most bytes that wait in the channel before connections are no longer read.
const BACKLOG: usize = 1024 * 1024;

/// A connection and what is under way in each direction.
#[expect(
    clippy::struct_excessive_bools,
    reason = "the two directions end independently, and each end is told independently"
)]
pub(crate) struct Connection {
    socket: TcpStream,
    stream: u32,
    /// Read from the socket, not yet sent: it must wait for the output that was written before it.
    held: Vec<u8>,
    credit: usize,
    read_ended: bool,
    /// From sam-rs, not yet written to the socket.
    unwritten: Vec<u8>,
    /// Written, and not yet granted again.
    written: usize,
    write_ended: bool,
    write_shut: bool,
    gone: bool,
    /// sam-rs knows that nothing follows.
    told: bool,
}

impl Connection {
    pub(crate) fn new(socket: TcpStream, stream: u32) -> std::io::Result<Self> {
        socket.set_nonblocking(true)?;
        // Answers are small and awaited: a delayed one costs 40 ms.
        socket.set_nodelay(true)?;
        let _ = socket.set_quickack(true);
        Ok(Self {
            socket,
            stream,
            held: Vec::new(),
            credit: WINDOW,
            read_ended: false,
            unwritten: Vec::new(),
            written: 0,
            write_ended: false,
            write_shut: false,
            gone: false,
            told: false,
        })
    }

    /// What to wait for.
    pub(crate) fn interest(&self, link: &Link) -> Option<PollFd> {
        let read = if self.wants_read(link) { sys::READ } else { 0 };
        let write = if self.unwritten.is_empty() {
            0
        } else {
            sys::WRITE
        };
        (read | write != 0).then(|| PollFd::new(self.socket.as_raw_fd(), read | write))
    }

    fn wants_read(&self, link: &Link) -> bool {
        !self.read_ended
            && !self.gone
            && self.held.is_empty()
            && self.credit > 0
            && link.backlog() < BACKLOG
    }

    /// Reads what has arrived, without sending it yet. True when there is something to send.
    pub(crate) fn read(&mut self, link: &Link, buffer: &mut [u8]) -> bool {
        if self.wants_read(link) {
            let limit = self.credit.min(buffer.len());
            match self.socket.read(&mut buffer[..limit]) {
                Ok(0) => self.read_ended = true,
                Ok(count) => {
                    self.held.extend_from_slice(&buffer[..count]);
                    // Few clients send small parts without waiting for an acknowledgement; the kernel forgets the wish.
                    let _ = self.socket.set_quickack(true);
                }
                Err(error) if passing(&error) => {}
                Err(_) => self.gone = true,
            }
        }
        !self.held.is_empty() || !self.told && (self.read_ended || self.gone)
    }

    /// Sends what was read, or that nothing follows.
    pub(crate) fn forward(&mut self, link: &mut Link) {
        if self.held.is_empty() {
            self.told = true;
            link.send(&FromSandbox::Close {
                stream: self.stream,
                both: self.gone,
            });
        } else {
            self.credit -= self.held.len();
            link.send(&FromSandbox::Data(
                self.stream,
                std::mem::take(&mut self.held),
            ));
        }
    }

    pub(crate) fn grant(&mut self, bytes: u32) {
        self.credit = self.credit.saturating_add(bytes as usize);
    }

    /// Takes bytes from sam-rs and writes what the socket takes.
    pub(crate) fn accept(&mut self, bytes: &[u8], link: &mut Link) {
        self.unwritten.extend_from_slice(bytes);
        self.write(link);
    }

    /// Writes what the socket takes, and grants sam-rs as much again.
    pub(crate) fn write(&mut self, link: &mut Link) {
        if !self.unwritten.is_empty() && !self.gone {
            match self.socket.write(&self.unwritten) {
                Ok(count) => {
                    self.unwritten.drain(..count);
                    self.written += count;
                    if self.written >= GRANT {
                        let granted = std::mem::take(&mut self.written);
                        link.send(&FromSandbox::Credit(self.stream, granted as u32));
                    }
                }
                Err(error) if passing(&error) => {}
                Err(_) => {
                    self.gone = true;
                }
            }
        }
        if self.write_ended && self.unwritten.is_empty() && !self.write_shut {
            self.write_shut = true;
            let _ = self.socket.shutdown(Shutdown::Write);
        }
    }

    /// sam-rs sends no more, and with `both` reads no more.
    pub(crate) fn close(&mut self, both: bool, link: &mut Link) {
        self.write_ended = true;
        if both {
            self.read_ended = true;
            self.told = true;
            self.held.clear();
        }
        self.write(link);
    }

    /// Whether nothing more can happen on the connection.
    pub(crate) fn finished(&self) -> bool {
        self.told && self.held.is_empty() && (self.gone || self.write_shut)
    }
}
