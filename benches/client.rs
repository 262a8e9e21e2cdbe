//! Clients of Lambda's API for invoking functions, as fast as a loopback allows: `dev/bench warm` runs them.
//!
//! `client ADDRESS PATH CLIENTS SECONDS`: every client sends an empty object, waits for the answer, and sends the next.
//! Prints a line: requests, seconds, and 50th and 99th of 100 in milliseconds. Only the standard library, so that `rustc`
//! alone builds it. A server that closes its connections is given a new one for each request, within its time.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program without tokio, whose output is its figures"
)]

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|one| one != "--bench")
        .collect();
    let [address, path, clients, seconds] = arguments.as_slice() else {
        return Err("usage: client ADDRESS PATH CLIENTS SECONDS".into());
    };
    let (clients, seconds): (usize, f64) = (clients.parse()?, seconds.parse()?);
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(seconds);
    let threads: Vec<_> = (0..clients)
        .map(|_| {
            let request =
                format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 2\r\n\r\n{{}}");
            let address = address.clone();
            thread::spawn(move || client(&address, request.as_bytes(), end))
        })
        .collect();
    let mut took = Vec::new();
    for thread in threads {
        took.extend(thread.join().map_err(|_| "a client panicked")??);
    }
    let elapsed = begun.elapsed().as_secs_f64();
    took.sort_unstable();
    let of_100 = |part: usize| {
        let place = (took.len() * part / 100).min(took.len().saturating_sub(1));
        took.get(place)
            .map_or(0.0, |one: &Duration| one.as_secs_f64() * 1000.0)
    };
    println!(
        "{} {elapsed:.3} {:.3} {:.3}",
        took.len(),
        of_100(50),
        of_100(99)
    );
    Ok(())
}

fn client(address: &str, request: &[u8], end: Instant) -> Result<Vec<Duration>> {
    let mut took = Vec::new();
    let mut connection = None;
    while Instant::now() < end {
        let begun = Instant::now();
        let mut stream = if let Some(stream) = connection.take() {
            stream
        } else {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            BufReader::new(stream)
        };
        stream.get_mut().write_all(request)?;
        let again = answer(&mut stream)?;
        took.push(begun.elapsed());
        connection = again.then_some(stream);
    }
    Ok(took)
}

/// Reads an answer, and says whether the connection can be used again.
fn answer(stream: &mut BufReader<TcpStream>) -> Result<bool> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    if !line.contains(" 200 ") {
        return Err(format!("answered with {line:?}").into());
    }
    let mut again = line.starts_with("HTTP/1.1");
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let header = line.trim_end().to_ascii_lowercase();
        match header.split_once(": ") {
            Some(("content-length", value)) => length = value.parse()?,
            Some(("connection", "close")) => again = false,
            Some(("x-amz-function-error", _)) => return Err("the function failed".into()),
            Some(_) => {}
            None => break,
        }
    }
    io::copy(&mut stream.take(length), &mut io::sink())?;
    Ok(again)
}
