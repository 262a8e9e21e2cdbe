//! The supervisor: the program that sam-rs starts inside every sandbox.
//!
//! It starts processes as it is told, carries their output and their connections to sam-rs over one channel, and sees
//! to it that everything in the sandbox ends when sam-rs does. It knows neither Lambda nor the engine that started it.
//! One thread, one loop around poll(2): thread creation is refused by the seccomp profile of older engines.

#![expect(
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a program of its own without a runtime: its standard error is for the engine, its clock the system's"
)]

#[allow(
    dead_code,
    unreachable_pub,
    reason = "sam-rs has the other half of these files, and there their items are public"
)]
#[path = "../channel"]
mod channel {
    pub(crate) mod codec;
    pub(crate) mod frame;
}
mod connection;
mod link;
mod memory;
mod process;
mod questions;
mod sandbox;
mod sys;

use std::env;
use std::process::ExitCode;

use sandbox::Sandbox;

/// `sam-rs-supervisor PORT [SOCKET]`: the port to listen on (0 for any free one), and the socket of sam-rs.
fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let port = arguments
        .next()
        .and_then(|port| port.parse().ok())
        .unwrap_or(9001);
    let socket = arguments.next().unwrap_or_else(|| link::SOCKET.to_owned());
    match Sandbox::open(port, &socket).and_then(Sandbox::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sam-rs supervisor: {error}");
            ExitCode::from(70)
        }
    }
}
