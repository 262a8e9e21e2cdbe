//! `start-lambda` under test, and a plain client for it.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::time::Duration;

use super::project::wait_until;
use super::{Output, Project};

/// A service of a project's functions.
pub(crate) struct Server {
    pub(crate) project: Project,
    child: Option<Child>,
    pub(crate) address: String,
}

/// What a request was answered with.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Server {
    /// Starts a service on any free port.
    pub(crate) fn start(project: Project, arguments: &[&str]) -> Self {
        let file = project.path().join("address");
        let _ = fs::remove_file(&file);
        let path = file.display().to_string();
        let own = ["local", "start-lambda", "--port", "0", "--port-file", &path];
        let child = project
            .command(&[&own[..], arguments].concat())
            .spawn()
            .unwrap();
        wait_until("the service is there", Duration::from_mins(1), || {
            fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'))
        });
        let address = fs::read_to_string(&file).unwrap();
        let address = address.trim().trim_start_matches("http://").to_owned();
        Self {
            project,
            child: Some(child),
            address,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let mut command = std::process::Command::new("kill");
        let sent = command.args([signal, &self.pid().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Ends the service, and waits until nothing of it is left.
    pub(crate) fn stop(mut self, signal: &str) -> Output {
        self.signal(signal);
        let child = self.child.take().unwrap();
        self.project.finish(child)
    }

    /// Invokes a function.
    pub(crate) fn invoke(&self, function: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        self.send("POST", &path, headers, Some(body))
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Response {
        let mut stream = self.open(method, path, headers, body);
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        parse(&bytes)
    }

    /// Sends a request whose answer is read by somebody else.
    pub(crate) fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_mins(1)))
            .unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if headers.iter().all(|(name, _)| *name != "host") {
            let _ = write!(head, "host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let chunked = headers.iter().any(|(name, _)| *name == "transfer-encoding");
        let body = match body {
            Some(body) if chunked => {
                let mut chunks = Vec::new();
                for part in body.chunks(3) {
                    chunks.extend(format!("{:x}\r\n", part.len()).into_bytes());
                    chunks.extend_from_slice(part);
                    chunks.extend_from_slice(b"\r\n");
                }
                chunks.extend_from_slice(b"0\r\n\r\n");
                chunks
            }
            Some(body) => {
                let _ = write!(head, "content-length: {}\r\n", body.len());
                body.to_vec()
            }
            None => Vec::new(),
        };
        stream
            .write_all(&[head.as_bytes(), b"\r\n", &body].concat())
            .unwrap();
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn parse(bytes: &[u8]) -> Response {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no response: {}", String::from_utf8_lossy(bytes)));
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.lines();
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut body = bytes[end + 4..].to_vec();
    if headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value == "chunked")
    {
        body = joined(&body);
    }
    Response {
        status,
        headers,
        body,
    }
}

/// The chunks of a body.
fn joined(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        let length = std::str::from_utf8(&rest[..at]).unwrap();
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        if length == 0 {
            break;
        }
        body.extend_from_slice(&rest[at + 2..at + 2 + length]);
        rest = &rest[at + 2 + length + 2..];
    }
    body
}
