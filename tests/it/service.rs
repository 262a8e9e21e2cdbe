//! `start-lambda` where things go wrong, or come at the wrong moment.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::engine::containers_of;
use crate::support::project::wait_until;
use crate::support::server::Server;
use crate::support::{Project, engine::docker};

const EVENT: (&str, &str) = ("x-amz-invocation-type", "Event");

#[test]
fn one_call_after_the_other_is_never_one_too_many() {
    let code = "def handler(event, context):\n    return 1\n";
    for kept in [&[][..], &["--warm-containers", "LAZY"]] {
        let throttled = ["--max-concurrency", "1", "--when-busy", "throttle"];
        let server = Server::start(Project::python(code), &[kept, &throttled].concat());
        for _ in 0..4 {
            assert_eq!(server.invoke("Hello", &[], b"{}").status, 200);
        }
        server.stop("-INT").success();
    }
}

#[test]
fn functions_of_one_name_keep_their_own_code() {
    let template = "
Resources:
  First:
    Type: AWS::Lambda::Function
    Properties: {Code: {ZipFile: 'def h(event, context): return 1'}, Handler: index.h, Runtime: python3.11}
    Metadata: {'aws:cdk:path': Stack/First/Resource}
  FnA1:
    Type: AWS::Lambda::Function
    Properties: {Code: {ZipFile: 'def h(event, context): return 2'}, Handler: index.h, Runtime: python3.11}
    Metadata: {'aws:cdk:path': Stack/X/Fn}
  FnB2:
    Type: AWS::Lambda::Function
    Properties: {Code: {ZipFile: 'def h(event, context): return 3'}, Handler: index.h, Runtime: python3.11}
    Metadata: {'aws:cdk:path': Stack/Y/Fn}
";
    let project = Project::new().file("template.yaml", template);
    let server = Server::start(project, &["--warm-containers", "LAZY"]);
    for (name, answer) in [("FnA1", "2"), ("FnB2", "3"), ("FnA1", "2"), ("First", "1")] {
        assert_eq!(server.invoke(name, &[], b"{}").text(), answer, "{name}");
    }
    server.stop("-INT").success();
}

#[test]
fn pages_whose_name_leads_here_are_refused() {
    let server = Server::start(Project::python("def handler(e, c): return 1\n"), &[]);
    let status = |host: &str| {
        let path = "/2015-03-31/functions";
        let response = server.send("GET", path, &[("host", host)], None);
        response.status
    };
    let port = server.address.rsplit_once(':').unwrap().1;
    for own in ["127.0.0.1", "localhost", "host.docker.internal", "[::1]"] {
        assert_eq!(status(&format!("{own}:{port}")), 200, "{own}");
    }
    for foreign in ["evil.example", "127.0.0.1.evil.example"] {
        assert_eq!(status(&format!("{foreign}:{port}")), 403, "{foreign}");
    }
    server.stop("-INT").success();
}

#[test]
fn sandboxes_that_were_all_removed_cost_no_invocation() {
    let code = "import time\ndef handler(event, context):\n    time.sleep(event.get('sleep', 0))\n    return 1\n";
    let server = Server::start(Project::python(code), &["--warm-containers", "LAZY"]);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| server.invoke("Hello", &[], b"{\"sleep\": 2}"));
        }
    });
    let containers = containers_of(server.pid());
    assert!(containers.len() >= 6, "{containers:?}");
    let all: Vec<_> = containers.iter().map(String::as_str).collect();
    docker(&[&["rm", "-f"], &all[..]].concat());
    thread::sleep(Duration::from_millis(500));
    assert_eq!(server.invoke("Hello", &[], b"{}").status, 200);
    server.stop("-INT").success();
}

#[test]
fn an_event_that_is_handled_is_finished_and_one_that_waits_is_told_of() {
    let code = "import time\ndef handler(event, context):\n    if event.get('fail'): raise ValueError('no')\n    time.sleep(2)\n    print('finished')\n";
    let server = Server::start(Project::python(code), &["--warm-containers", "LAZY"]);
    assert_eq!(server.invoke("Hello", &[EVENT], b"{}").status, 202);
    wait_until("it runs", Duration::from_secs(5), || {
        !containers_of(server.pid()).is_empty()
    });
    thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    let output = server.stop("-INT").success();
    assert!(output.stderr.contains("finished\n"), "{}", output.stderr);
    assert!(begun.elapsed() < Duration::from_secs(8));

    let server = Server::start(Project::python(code), &["--warm-containers", "LAZY"]);
    let taken = server.invoke("Hello", &[EVENT], b"{\"fail\": true}");
    assert_eq!(taken.status, 202);
    wait_until("it failed", Duration::from_secs(5), || {
        let metrics = server.send("GET", "/_sam-rs/metrics", &[], None).text();
        metrics.contains("sam_rs_invocations_total{function=\"Hello\"} 1")
    });
    thread::sleep(Duration::from_millis(300));
    let output = server.stop("-INT").success();
    let told = "of Hello is not handled any more: the service ends";
    assert!(output.stderr.contains(told), "{}", output.stderr);
}

#[test]
fn a_function_that_is_not_there_cannot_be_debugged() {
    let project = Project::python("def handler(e, c): return 1\n");
    let arguments = [
        "local",
        "start-lambda",
        "--port",
        "0",
        "--warm-containers",
        "LAZY",
    ];
    let debug = ["--debug-function", "Helo", "-d", "5858"];
    let child = project
        .command(&[&arguments[..], &debug].concat())
        .spawn()
        .unwrap();
    let output = project.finish(child);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains("Helo"), "{}", output.stderr);
}

#[test]
fn only_the_function_that_is_debugged_has_one_sandbox() {
    let template = "
Globals: {Function: {CodeUri: src, Handler: app.handler, Runtime: python3.11}}
Resources:
  Debugged: {Type: AWS::Serverless::Function}
  Other: {Type: AWS::Serverless::Function}
";
    let code = "import time\ndef handler(event, context): time.sleep(1.5)\n";
    let project = Project::new()
        .file("template.yaml", template)
        .file("src/app.py", code);
    let debug = ["--warm-containers", "LAZY", "--debug-function", "Debugged"];
    let server = Server::start(project, &[&debug[..], &["-d", "15871"]].concat());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert_eq!(server.invoke("Other", &[], b"{}").status, 200));
        }
    });
    assert_eq!(containers_of(server.pid()).len(), 2);
    server.stop("-INT").success();
}
