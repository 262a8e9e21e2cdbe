//! The loop: waits for the channel, the processes and the connections, and moves what each has.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use crate::channel::frame::{Answer, Exit, FromSandbox, MAX_PAYLOAD, ToSandbox, VERSION};
use crate::connection::Connection;
use crate::link::Link;
use crate::memory::Memory;
use crate::process::Process;
use crate::questions;
use crate::sys::{self, PollFd};

/// How long the last words may take to reach sam-rs.
const FAREWELL: Duration = Duration::from_millis(200);
/// A port of the sandbox itself answers or refuses at once; the bound is for a full queue of connections.
const DIAL: Duration = Duration::from_millis(200);

/// Everything that lives in the sandbox.
pub(crate) struct Sandbox {
    link: Link,
    signals: File,
    listener: TcpListener,
    connections: BTreeMap<u32, Connection>,
    processes: BTreeMap<u32, Process>,
    memory: Memory,
    /// For reading: clearing a new one each time costs more than the reading.
    buffer: Box<[u8]>,
    next_stream: u32,
    finish: Option<Instant>,
}

impl Sandbox {
    /// Listens for the sandbox's processes, connects to sam-rs and says hello.
    pub(crate) fn open(port: u16, socket: &str) -> io::Result<Self> {
        let signals = sys::signal_descriptor()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let mut link = Link::open(socket)?;
        sys::protect();
        let memory = Memory::find();
        let (pid, uid, controller) = (std::process::id(), sys::user(), memory.controller);
        link.send(&FromSandbox::Hello {
            version: VERSION,
            pid,
            uid,
            controller,
            port,
        });
        Ok(Self {
            link,
            signals,
            listener,
            connections: BTreeMap::new(),
            processes: BTreeMap::new(),
            memory,
            buffer: vec![0; MAX_PAYLOAD].into(),
            // Even ids are this side's.
            next_stream: 2,
            finish: None,
        })
    }

    /// Serves until sam-rs is gone or asks for the end.
    pub(crate) fn run(mut self) -> io::Result<()> {
        while !self.link.ended() && !self.over() {
            self.link.flush();
            let mut fds = self.interest();
            let left = self
                .finish
                .map(|end| end.saturating_duration_since(Instant::now()));
            sys::wait_ready(&mut fds, left)?;
            if fds[0].is_ready() {
                self.link.receive(&mut self.buffer);
            }
            while let Some(message) = self.link.next() {
                self.obey(message);
            }
            if fds[1].is_ready() {
                self.bury();
            }
            self.exchange(fds[2].is_ready());
        }
        self.end_everything();
        Ok(())
    }

    /// Whether the end was asked for and nothing is left to wait for.
    fn over(&self) -> bool {
        let idle = || {
            self.processes
                .values()
                .all(|process| !process.running && !process.end_untold())
        };
        self.finish
            .is_some_and(|end| Instant::now() >= end || idle())
    }

    fn interest(&self) -> Vec<PollFd> {
        let mut fds = vec![
            PollFd::new(self.link.input(), sys::READ),
            PollFd::new(self.signals.as_raw_fd(), sys::READ),
            PollFd::new(self.listener.as_raw_fd(), sys::READ),
        ];
        if self.link.backlog() > 0 {
            fds.push(PollFd::new(self.link.output(), sys::WRITE));
        }
        fds.extend(self.processes.values().flat_map(Process::interest));
        fds.extend(
            self.connections
                .values()
                .filter_map(|connection| connection.interest(&self.link)),
        );
        fds
    }

    /// Moves bytes. What a process wrote before it used a connection goes ahead of what it sent there: the connections
    /// are read first, then the pipes are drained, then what was read is passed on. The end of a process goes last.
    fn exchange(&mut self, connected: bool) {
        let dead = self.processes.values().any(Process::end_untold);
        // One that has ended may have connected after it was looked for.
        while (connected || dead)
            && let Ok((socket, _)) = self.listener.accept()
        {
            self.open_connection(socket);
        }
        let (link, buffer) = (&mut self.link, &mut self.buffer);
        loop {
            let ready: Vec<_> = self
                .connections
                .values_mut()
                .filter_map(|one| one.read(link, buffer).then_some(one))
                .collect();
            let mut drained = true;
            for process in self.processes.values_mut() {
                drained &= process.drain(link, buffer);
            }
            if !drained {
                break;
            }
            if ready.is_empty() {
                self.processes
                    .values_mut()
                    .for_each(|process| process.tell_end(link));
                break;
            }
            ready
                .into_iter()
                .for_each(|connection| connection.forward(link));
            if !dead {
                break;
            }
        }
        self.connections
            .values_mut()
            .for_each(|connection| connection.write(link));
        self.connections
            .retain(|_, connection| !connection.finished());
        self.processes.retain(|_, process| !process.finished());
    }

    fn open_connection(&mut self, socket: TcpStream) {
        let stream = self.next_stream;
        if let Ok(connection) = Connection::new(socket, stream) {
            self.next_stream = stream.wrapping_add(2);
            self.link.send(&FromSandbox::Open(stream));
            self.connections.insert(stream, connection);
        }
    }

    /// Takes note of the processes that have ended, and of a request to end from the engine.
    fn bury(&mut self) {
        let mut signal = [0; 128];
        let mut asked_to_end = false;
        while let Ok(count) = self.signals.read(&mut signal) {
            asked_to_end |= count > 0 && i32::from(signal[0]) == sys::SIGTERM;
        }
        if asked_to_end {
            self.finish = Some(Instant::now());
        }
        while let Some(dead) = sys::reap() {
            let mut running = self
                .processes
                .values_mut()
                .filter(|process| process.running);
            let Some(process) = running.find(|process| process.pid == dead.pid) else {
                continue;
            };
            process.end(Exit {
                status: dead.status,
                signal: dead.signal,
                out_of_memory: self.memory.killed(),
                peak_memory: self.memory.peak().unwrap_or(dead.peak_memory),
                cpu_micros: dead.cpu_micros,
            });
        }
    }

    /// A message for a connection. One that is gone may still have messages under way.
    fn pass(&mut self, message: &ToSandbox) {
        let (ToSandbox::Data(stream, _)
        | ToSandbox::Close { stream, .. }
        | ToSandbox::Credit(stream, _)) = message
        else {
            return;
        };
        let Some(connection) = self.connections.get_mut(stream) else {
            return;
        };
        match message {
            ToSandbox::Data(_, bytes) => connection.accept(bytes, &mut self.link),
            ToSandbox::Close { both, .. } => connection.close(*both, &mut self.link),
            ToSandbox::Credit(_, bytes) => connection.grant(*bytes),
            _ => {}
        }
    }

    fn obey(&mut self, message: ToSandbox) {
        let link = &mut self.link;
        match message {
            ToSandbox::Spawn(id, spawn) => match Process::start(id, &spawn) {
                Ok(process) => {
                    link.send(&FromSandbox::Spawned(id, process.pid));
                    self.processes.insert(id, process);
                }
                Err((error, path)) => {
                    let errno = error.raw_os_error().unwrap_or(sys::ENOENT);
                    link.send(&FromSandbox::Failed {
                        process: id,
                        errno,
                        path,
                    });
                }
            },
            ToSandbox::Signal {
                process,
                signal,
                group,
            } => {
                if let Some(process) = self.processes.get(&process) {
                    process.signal(signal, group);
                }
            }
            ToSandbox::Data(..) | ToSandbox::Close { .. } | ToSandbox::Credit(..) => {
                self.pass(&message);
            }
            ToSandbox::LogCredit(id, bytes) => {
                if let Some(process) = self.processes.get_mut(&id) {
                    process.grant(bytes);
                }
            }
            ToSandbox::Dial(stream, port) => self.dial(stream, port),
            ToSandbox::Stat(question, path) => {
                link.send(&FromSandbox::Answer(question, questions::stat(&path)));
            }
            ToSandbox::List(question, path) => {
                link.send(&FromSandbox::Answer(question, questions::list(&path)));
            }
            ToSandbox::Usage(question) => {
                // Figures are asked for at an end: what was written before goes ahead of them.
                for process in self.processes.values_mut() {
                    process.drain(link, &mut self.buffer);
                }
                let pids = self
                    .processes
                    .values()
                    .filter(|process| process.running)
                    .map(|process| process.pid);
                link.send(&FromSandbox::Answer(
                    question,
                    Answer::Usage(self.memory.usage(pids)),
                ));
            }
            ToSandbox::Listening(question, port) => {
                let listening = Answer::Listening(questions::listening(port));
                link.send(&FromSandbox::Answer(question, listening));
            }
            ToSandbox::Finish(grace) => self.begin_end(grace),
        }
    }

    fn dial(&mut self, stream: u32, port: u16) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let connection = TcpStream::connect_timeout(&address, DIAL)
            .and_then(|socket| Connection::new(socket, stream));
        match connection {
            Ok(connection) => {
                self.connections.insert(stream, connection);
            }
            Err(_) => self.link.send(&FromSandbox::Close { stream, both: true }),
        }
    }

    fn begin_end(&mut self, grace: u32) {
        if grace > 0 {
            self.processes
                .values()
                .for_each(|process| process.signal(sys::SIGTERM, true));
        }
        let end = Instant::now() + Duration::from_millis(grace.into());
        self.finish = Some(self.finish.map_or(end, |earlier| earlier.min(end)));
    }

    /// Kills what is left. As process 1 that is everything there is; elsewhere it is what was started here.
    fn end_everything(&mut self) {
        if std::process::id() == 1 {
            let _ = sys::kill(-1, sys::SIGKILL);
        } else {
            self.processes
                .values()
                .for_each(|process| process.signal(sys::SIGKILL, true));
        }
        if !self.link.ended() {
            self.exchange(false);
            self.link.flush_within(FAREWELL);
        }
    }
}
