//! What an engine charges for a cold start: create, start, one exchange of the Runtime API, and nothing else.
//!
//! `dev/bench cold` runs this beside `sam-rs local invoke`. It reads no template, checks nothing, shows no log, and leaves
//! the container to the engine, which removes it when the runtime ends for want of this server. Only the standard
//! library, so that `rustc` alone builds it.
//!
//! `floor SOCKET GATEWAY IMAGE CODE HANDLER EVENT [SETTINGS]`: with further settings of the container, as JSON without
//! its braces, it ends when the container runs.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|one| one != "--bench")
        .collect();
    let [socket, gateway, image, code, handler, event, settings @ ..] = arguments.as_slice() else {
        return Err("usage: floor SOCKET GATEWAY IMAGE CODE HANDLER EVENT [SETTINGS]".into());
    };
    let listener = TcpListener::bind((gateway.as_str(), 0))?;
    let api = listener.local_addr()?.to_string();
    let mut engine = BufReader::new(UnixStream::connect(socket)?);
    let variables = [
        &format!("AWS_LAMBDA_RUNTIME_API={api}"),
        &format!("_HANDLER={handler}"),
        "AWS_LAMBDA_FUNCTION_NAME=floor",
        "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
        "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/floor",
        "AWS_LAMBDA_LOG_STREAM_NAME=floor",
        "AWS_REGION=us-east-1",
    ];
    let memory = 128 << 20;
    let further = settings.first().filter(|one| !one.is_empty());
    let further = further.map_or_else(String::new, |one| format!(", {one}"));
    // A runtime that the function brings is started by the service, not by the image.
    let entrypoint = if Path::new(code).join("bootstrap").exists() {
        r#""Entrypoint": ["/var/task/bootstrap"], "#
    } else {
        ""
    };
    // Rust writes a list of plain strings as JSON does.
    let body = format!(
        r#"{{"Image": {image:?}, {entrypoint}"Cmd": [{handler:?}], "Env": {variables:?}, "HostConfig": {{
            "AutoRemove": true, "Memory": {memory}, "MemorySwap": {memory}, "LogConfig": {{"Type": "none"}},
            "Mounts": [{{"Type": "bind", "Source": {code:?}, "Target": "/var/task", "ReadOnly": true}}]{further}
        }}}}"#
    );
    let created = String::from_utf8(ask(&mut engine, "/containers/create", &body)?)?;
    let id = created
        .split_once(r#""Id":""#)
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(id, _)| id)
        .ok_or_else(|| created.clone())?;
    ask(&mut engine, &format!("/containers/{id}/start"), "")?;
    let answer = match settings {
        [] => exchange(listener, event)?,
        [..] => id.as_bytes().to_vec(),
    };
    io::stdout().write_all(&answer)?;
    Ok(())
}

/// A request to the engine, and the body of its answer.
fn ask(engine: &mut BufReader<UnixStream>, path: &str, body: &str) -> Result<Vec<u8>> {
    let length = body.len();
    write!(
        engine.get_mut(),
        "POST {path} HTTP/1.1\r\nhost: engine\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    let (status, answer) = receive(engine)?;
    if !status.starts_with("HTTP/1.1 2") {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&answer)).into());
    }
    Ok(answer)
}

/// Hands the event to the runtime and takes its answer, which may come on a connection of its own.
fn exchange(listener: TcpListener, event: &str) -> Result<Vec<u8>> {
    let (answer_tx, answer_rx) = mpsc::channel();
    let event = event.to_owned();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (event, answer_tx) = (event.clone(), answer_tx.clone());
            thread::spawn(move || serve(stream, &event, &answer_tx));
        }
    });
    Ok(answer_rx.recv()?)
}

fn serve(stream: TcpStream, event: &str, answer_tx: &mpsc::Sender<Vec<u8>>) {
    let mut runtime = BufReader::new(stream);
    let (length, deadline) = (event.len(), u64::from(u32::MAX) * 1000);
    while let Ok((line, body)) = receive(&mut runtime) {
        if !line.starts_with("GET") {
            let _ = answer_tx.send(body);
            return;
        }
        let handed = write!(
            runtime.get_mut(),
            "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 1\r\n\
             lambda-runtime-deadline-ms: {deadline}\r\n\
             lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:123456789012:function:floor\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{event}"
        );
        if handed.is_err() {
            return;
        }
    }
}

/// One HTTP message: its first line and its body, whose length is known or that comes in chunks.
fn receive(stream: &mut impl BufRead) -> Result<(String, Vec<u8>)> {
    let first = line(stream)?;
    let (mut length, mut chunked) = (0, false);
    loop {
        let header = line(stream)?.to_ascii_lowercase();
        match header.split_once(':') {
            None => break,
            Some(("content-length", value)) => length = value.trim().parse()?,
            Some(("transfer-encoding", _)) => chunked = true,
            Some(_) => {}
        }
    }
    let mut body = Vec::new();
    loop {
        if chunked {
            length = usize::from_str_radix(&line(stream)?, 16)?;
        }
        stream.take(length as u64).read_to_end(&mut body)?;
        if !chunked {
            return Ok((first, body));
        }
        line(stream)?;
        if length == 0 {
            return Ok((first, body));
        }
    }
}

fn line(stream: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err("the connection ended".into());
    }
    Ok(line.trim_end().to_owned())
}
