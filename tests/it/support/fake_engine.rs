//! An engine that plays a script on a Unix socket, for faults that cannot be provoked on a real one.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;

/// What the engine answers to a request.
pub(crate) enum Answer {
    /// Status and JSON body.
    Json(u16, &'static str),
    /// Status 200 and lines of JSON, then the end of the connection.
    Lines(&'static [&'static str]),
    /// These lines and then nothing, with the connection open.
    Hang(&'static [&'static str]),
    /// The end of the connection, without an answer.
    Close,
}

type Script = dyn Fn(&str, &str) -> Answer + Send + Sync;

/// A running engine; it ends with the test's process.
pub(crate) struct FakeEngine {
    directory: tempfile::TempDir,
}

impl FakeEngine {
    /// Starts an engine that answers `method` and `path` as the script says.
    pub(crate) fn start(script: impl Fn(&str, &str) -> Answer + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("s")).unwrap();
        let script: Arc<Script> = Arc::new(script);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let script = Arc::clone(&script);
                std::thread::spawn(move || serve(stream, &*script));
            }
        });
        Self { directory }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("s")
    }

    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }
}

fn serve(stream: UnixStream, script: &Script) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|count| count > 0) {
        let mut words = line.split_whitespace();
        let (method, path) = (
            words.next().unwrap_or(""),
            words.next().unwrap_or("").to_owned(),
        );
        let (method, mut length) = (method.to_owned(), 0);
        let mut header = String::new();
        while reader.read_line(&mut header).is_ok_and(|count| count > 2) {
            if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            header.clear();
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let head =
            |status: u16| format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n");
        let lines = |lines: &[&str]| {
            let text = lines.join("\r\n");
            format!("{}Connection: close\r\n\r\n{text}\r\n", head(200))
        };
        match script(&method, &path) {
            Answer::Json(status, body) => {
                let text = format!(
                    "{}Content-Length: {}\r\n\r\n{body}",
                    head(status),
                    body.len()
                );
                let _ = writer.write_all(text.as_bytes());
            }
            Answer::Lines(answer) => {
                let _ = writer.write_all(lines(answer).as_bytes());
                return;
            }
            Answer::Hang(answer) => {
                let _ = writer.write_all(lines(answer).as_bytes());
                let _ = reader.read_to_end(&mut Vec::new());
                return;
            }
            Answer::Close => return,
        }
        line.clear();
    }
}
