//! A function that does what its event says, so that one binary serves every test of a provided runtime.
//!
//! | event | effect |
//! |---|---|
//! | `{"do":"fail","message":m}` | the handler returns an error |
//! | `{"do":"panic","message":m}` | the handler panics |
//! | `{"do":"exit","code":n}` | the process ends |
//! | `{"do":"sleep","ms":n}` | waits before it answers |
//! | `{"do":"log","lines":n,"size":s}` | prints n lines of s bytes, odd ones to stdout, even ones to stderr |
//! | `{"do":"alloc","mb":n}` | touches n MB of memory |
//! | `{"do":"stream","chunks":n,"size":s}` | streams n chunks of s bytes; without a size, the time in nanoseconds |
//! | `{"do":"write","path":p}` | tries to write a file; answers `{"written":…,"error":…}` |
//!
//! Every other event, and the ones that end in an answer, give `{"echo":event,"env":{…}}` with the variables that
//! the event's `env` list names (null for one that is not set).

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::streaming::{channel, Body, Response};
use lambda_runtime::{service_fn, Error, FunctionResponse, LambdaEvent};
use serde_json::{json, Map, Value};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}

type Answer = FunctionResponse<Value, Body>;

async fn handle(event: LambdaEvent<Value>) -> Result<Answer, Error> {
    let event = event.payload;
    if event["do"] == "stream" {
        return Ok(stream(number(&event, "chunks", 1), number(&event, "size", 0)));
    }
    Ok(FunctionResponse::BufferedResponse(answer(event).await?))
}

fn stream(chunks: u64, size: u64) -> Answer {
    let (mut sender, body) = channel();
    tokio::spawn(async move {
        let chunk = "x".repeat(size as usize);
        for _ in 0..chunks {
            let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let text = if size == 0 { now().as_nanos().to_string() } else { chunk.clone() };
            if sender.send_data(text.into()).await.is_err() {
                return;
            }
        }
    });
    FunctionResponse::StreamingResponse(Response::from(body))
}

async fn answer(event: Value) -> Result<Value, Error> {
    match event["do"].as_str() {
        Some("fail") => return Err(text(&event, "message", "told to fail").into()),
        Some("panic") => panic!("{}", text(&event, "message", "told to panic")),
        Some("exit") => std::process::exit(event["code"].as_i64().unwrap_or(1) as i32),
        Some("sleep") => tokio::time::sleep(Duration::from_millis(number(&event, "ms", 0))).await,
        Some("log") => log(number(&event, "lines", 1), number(&event, "size", 0) as usize)?,
        Some("alloc") => allocate(number(&event, "mb", 1) as usize),
        Some("write") => return Ok(write(&text(&event, "path", "/tmp/written"))),
        _ => {}
    }
    let env = environment(&event);
    Ok(json!({ "echo": event, "env": env }))
}

fn number(event: &Value, name: &str, default: u64) -> u64 {
    event[name].as_u64().unwrap_or(default)
}

fn text(event: &Value, name: &str, default: &str) -> String {
    event[name].as_str().unwrap_or(default).to_owned()
}

fn environment(event: &Value) -> Map<String, Value> {
    let names = event["env"].as_array().into_iter().flatten();
    names
        .filter_map(Value::as_str)
        .map(|name| (name.to_owned(), std::env::var(name).ok().into()))
        .collect()
}

/// Prints numbered lines of exactly `size` bytes, newline not counted, or just the number where that is longer.
fn log(lines: u64, size: usize) -> std::io::Result<()> {
    for line in 1..=lines {
        let text = format!("{:.<size$}", format!("line {line} "));
        if line % 2 == 1 {
            writeln!(std::io::stdout(), "{text}")?;
        } else {
            writeln!(std::io::stderr(), "{text}")?;
        }
    }
    std::io::stdout().flush()
}

fn allocate(mb: usize) {
    let mut memory = vec![0u8; mb << 20];
    for page in memory.chunks_mut(4096) {
        page[0] = 1;
    }
    std::hint::black_box(&memory);
}

fn write(path: &str) -> Value {
    let error = std::fs::write(path, "written by the test function\n").err();
    json!({ "written": error.is_none(), "error": error.map(|error| error.to_string()) })
}
