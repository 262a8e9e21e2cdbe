//! What an invocation costs in a warm sandbox: the event written to the answer received, through channel and supervisor.
//!
//! `runtime BOOTSTRAP` runs the Rust test function on Docker, and prints a table. `dev/bench runtime` runs it.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a bench prints, and measures the real clock; figures have few digits"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sam_rs::engine::docker::Docker;
use sam_rs::engine::{Content, ImageRequest, Images, NoLogins, PullPolicy, owner, reaper};
use sam_rs::env::Env;
use sam_rs::function::variables::{Layers, Surroundings as Shell, environment};
use sam_rs::function::{Catalog, Function, Package};
use sam_rs::lambda::{Body, BodyEnd, Events, Invocation, Outcome};
use sam_rs::sandbox::{Options, Plan, Sandbox};
use sam_rs::template::{Application, Surroundings};
use tokio_util::task::TaskTracker;

const TEMPLATE: &str = "
Resources:
  Bench:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ., Handler: any, Runtime: provided.al2023, Timeout: 60, MemorySize: 1024}
";
const WARM: usize = 10_000;
/// Between two events; spent awake, or it would be the processor's sleep that is measured.
const REST: Duration = Duration::from_micros(500);

fn main() {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|one| one != "--bench")
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    match arguments.as_slice() {
        [reap, address] if reap == reaper::ARGUMENT => {
            runtime.block_on(reaper::main(address, &Env::snapshot()));
        }
        [bootstrap] => runtime.block_on(measure(Path::new(bootstrap))),
        _ => panic!("usage: runtime BOOTSTRAP"),
    }
}

async fn measure(bootstrap: &Path) {
    let tasks = TaskTracker::new();
    let (events, mut event_rx) = Events::channel();
    tasks.spawn(async move { while event_rx.recv().await.is_some() {} });
    let code = bootstrap.parent().expect("a directory").to_owned();
    let sandbox = start(code, &events, &tasks).await;
    println!("| what | figure |\n|---|---|");
    no_op(&sandbox).await;
    echo(&sandbox).await;
    first_byte(&sandbox).await;
    throughput(&sandbox).await;
    sandbox.stop().await;
}

async fn start(code: PathBuf, events: &Events, tasks: &TaskTracker) -> Sandbox {
    let env = Env::snapshot();
    let load = |_: &Path| Err("no other template".to_owned());
    let application = Application::load(
        &code.join("template.yaml"),
        TEMPLATE,
        Surroundings::default(),
        &load,
    )
    .expect("a template");
    let catalog = Catalog::new(&application);
    let (function, _) = Function::resolve(&catalog.functions()[0]).expect("a function");
    let Package::Zip(zip) = &function.package else {
        unreachable!("it has code")
    };
    let docker = Docker::find(&env, events, tasks).expect("an engine");
    let image = zip.runtime.image(function.architecture);
    let image = docker
        .image(&ImageRequest {
            name: &image,
            policy: PullPolicy::Missing,
            architecture: None,
            logins: &NoLogins,
        })
        .await
        .expect("the image");
    let shell = Shell::default();
    let layers = Layers {
        proxies: &[],
        shell: &|_| None,
        file: &Vec::new(),
        given: &Vec::new(),
    };
    let (variables, _) = environment(&function, &shell, layers);
    let variables = variables.into_iter().map(|one| (one.name, one.value));
    let variables: Vec<_> = variables.collect();
    let options = Options {
        content: vec![Content {
            source: code,
            target: "/var/task".to_owned(),
        }],
        labels: owner::labels(),
        name: format!("sam-rs-bench-{}", std::process::id()),
        ..Options::default()
    };
    let plan = Plan::new(&function, &image, &variables, &options);
    Sandbox::start(&docker, plan, Vec::new(), events, tasks)
        .await
        .expect("a sandbox")
}

async fn invoke(sandbox: &Sandbox, event: String) -> Body {
    let invocation = Arc::new(Invocation::json(event.into()));
    match sandbox.invoke(invocation).await {
        Some(Outcome::Success(response)) => response.body,
        other => panic!("{other:?}"),
    }
}

/// Reads a body to its end; its bytes, and when the first of them came.
async fn drain(mut body: Body) -> (usize, Instant) {
    let (mut bytes, mut first) = (0, None);
    loop {
        match body.next().await {
            Ok(chunk) => {
                bytes += chunk.len();
                first.get_or_insert_with(Instant::now);
            }
            Err(BodyEnd::Complete) => return (bytes, first.unwrap_or_else(Instant::now)),
            Err(end) => panic!("{end:?}"),
        }
    }
}

async fn no_op(sandbox: &Sandbox) {
    let mut times = Vec::with_capacity(WARM);
    let mut resident = 0.0;
    for n in 0..WARM {
        // The runtime is back before the next event.
        let rested = Instant::now();
        while rested.elapsed() < REST {
            tokio::task::yield_now().await;
        }
        let begun = Instant::now();
        drain(invoke(sandbox, "{}".to_owned()).await).await;
        times.push(begun.elapsed());
        if n == 100 {
            resident = megabytes();
        }
    }
    times.sort();
    let at = |part: usize| times[times.len() * part / 1000].as_secs_f64() * 1e6;
    println!("| no-op, p50 of {WARM} | {:.0} µs |", at(500));
    println!("| no-op, p99 | {:.0} µs |", at(990));
    let growth = megabytes() - resident;
    println!("| memory after {WARM}, beyond that after 100 | {growth:.2} MB |");
}

async fn echo(sandbox: &Sandbox) {
    // The answer has the event in it, and some more.
    let event = format!("{{\"x\":\"{}\"}}", "x".repeat(6_200_000));
    let mut times = Vec::new();
    for _ in 0..21 {
        let begun = Instant::now();
        let (bytes, _) = drain(invoke(sandbox, event.clone()).await).await;
        assert!(bytes > event.len());
        times.push(begun.elapsed());
    }
    println!("| echo of 6.2 MB | {:.1} ms |", median(times));
}

async fn first_byte(sandbox: &Sandbox) {
    let mut times = Vec::new();
    for _ in 0..101 {
        let event = r#"{"do":"stream","chunks":1}"#.to_owned();
        let mut body = invoke(sandbox, event).await;
        let mut text = Vec::new();
        let mut came = SystemTime::now();
        while let Ok(chunk) = body.next().await {
            came = SystemTime::now();
            text.extend_from_slice(&chunk);
        }
        // The prelude ends with eight zeros.
        let stamp = text.rsplit(|byte| *byte == 0).next().expect("a part");
        let stamp: u64 = String::from_utf8_lossy(stamp).parse().expect("a time");
        let came = came.duration_since(UNIX_EPOCH).expect("after 1970");
        times.push(came.saturating_sub(Duration::from_nanos(stamp)));
    }
    println!(
        "| first streamed byte, after it was written | {:.2} ms |",
        median(times)
    );
}

async fn throughput(sandbox: &Sandbox) {
    let before = peak();
    let event = r#"{"do":"stream","chunks":3200,"size":65536}"#.to_owned();
    let mut rates = Vec::new();
    for _ in 0..5 {
        let body = invoke(sandbox, event.clone()).await;
        let begun = Instant::now();
        let (bytes, _) = drain(body).await;
        assert!(bytes >= 3200 << 16);
        let rate = bytes as f64 / 1e6 / begun.elapsed().as_secs_f64();
        rates.push(Duration::from_secs_f64(rate));
    }
    println!("| stream of 210 MB | {:.0} MB/s |", median(rates) / 1000.0);
    println!("| memory for it, at most | {:.1} MB |", peak() - before);
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

fn megabytes() -> f64 {
    status("VmRSS:")
}

fn peak() -> f64 {
    status("VmHWM:")
}

/// A figure of this process that the kernel gives in KiB, in MB.
fn status(name: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .expect("a figure");
    let number: f64 = line
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number");
    number * 1024.0 / 1e6
}
