//! Clients of debuggers: the Chrome `DevTools` Protocol for Node.js, the Debug Adapter Protocol for `debugpy`.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::WebSocket;

/// How long a debugger may take to say something.
const PATIENCE: Duration = Duration::from_secs(15);

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads JSON after a head that tells its length.
fn message(stream: &mut impl BufRead) -> Value {
    let mut length = 0;
    loop {
        let mut line = String::new();
        assert!(
            stream.read_line(&mut line).unwrap() > 0,
            "the debugger has gone"
        );
        match line.trim().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse().unwrap(),
            None if line.trim().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// A session with Node.js.
pub(crate) struct DevTools {
    socket: WebSocket<TcpStream>,
    next: u64,
    /// Events that came while an answer was waited for.
    seen: Vec<Value>,
}

impl DevTools {
    /// Attaches, as an IDE does: the list of targets, then the target's socket.
    pub(crate) fn attach(port: u16) -> Self {
        let mut list = BufReader::new(connect(port));
        write!(
            list.get_mut(),
            "GET /json/list HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
        )
        .unwrap();
        let targets = message(&mut list);
        let url = targets[0]["webSocketDebuggerUrl"]
            .as_str()
            .expect("a target")
            .to_owned();
        let (socket, _) = tungstenite::client(url, connect(port)).unwrap();
        let mut session = Self {
            socket,
            next: 0,
            seen: Vec::new(),
        };
        session.call("Runtime.enable", &json!({}));
        session.call("Debugger.enable", &json!({}));
        session
    }

    fn read(&mut self) -> Value {
        loop {
            if let tungstenite::Message::Text(text) = self.socket.read().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// Calls a method and returns its result.
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        let id = self.next;
        let message = json!({"id": id, "method": method, "params": params});
        self.socket.send(message.to_string().into()).unwrap();
        loop {
            let message = self.read();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.seen.push(message);
        }
    }

    /// Waits for an event and returns its parameters.
    pub(crate) fn wait(&mut self, event: &str) -> Value {
        if let Some(at) = self
            .seen
            .iter()
            .position(|message| message["method"] == event)
        {
            return self.seen.drain(..=at).next_back().unwrap()["params"].clone();
        }
        loop {
            let message = self.read();
            if message["method"] == event {
                return message["params"].clone();
            }
        }
    }
}

/// A session with `debugpy`.
pub(crate) struct Adapter {
    reader: BufReader<TcpStream>,
    next: u64,
    seen: Vec<Value>,
}

impl Adapter {
    /// Attaches, with the code's place here and inside.
    pub(crate) fn attach(port: u16, local: &str) -> Self {
        let mut session = Self {
            reader: BufReader::new(connect(port)),
            next: 0,
            seen: Vec::new(),
        };
        session.call(
            "initialize",
            &json!({"adapterID": "test", "pathFormat": "path"}),
        );
        let mappings = json!([{"localRoot": local, "remoteRoot": "/var/task"}]);
        // Its answer comes after the configuration.
        session.send(
            "attach",
            &json!({"justMyCode": false, "pathMappings": mappings}),
        );
        session.wait("initialized");
        session
    }

    /// Makes a request without waiting for its answer, and returns its number.
    pub(crate) fn send(&mut self, command: &str, arguments: &Value) -> u64 {
        self.next += 1;
        let message = json!({"seq": self.next, "type": "request", "command": command, "arguments": arguments});
        let text = message.to_string();
        let stream = self.reader.get_mut();
        write!(stream, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.next
    }

    fn read(&mut self) -> Value {
        message(&mut self.reader)
    }

    /// Makes a request and returns the body of its answer.
    pub(crate) fn call(&mut self, command: &str, arguments: &Value) -> Value {
        let seq = self.send(command, arguments);
        loop {
            let message = self.read();
            if message["request_seq"] == seq {
                assert_eq!(message["success"], true, "{command}: {message}");
                return message["body"].clone();
            }
            self.seen.push(message);
        }
    }

    /// Waits for an event and returns its body.
    pub(crate) fn wait(&mut self, event: &str) -> Value {
        if let Some(at) = self
            .seen
            .iter()
            .position(|message| message["event"] == event)
        {
            return self.seen.drain(..=at).next_back().unwrap()["body"].clone();
        }
        loop {
            let message = self.read();
            if message["event"] == event {
                return message["body"].clone();
            }
        }
    }
}
