//! The service around the Invoke API: sandboxes kept and ended, limits, events that nobody waits for, the end.

use std::io::Read;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::invoke_api::project;
use crate::support::engine::containers_of;
use crate::support::project::wait_until;
use crate::support::server::Server;
use crate::support::{Project, engine::docker};

fn pid_project() -> Project {
    Project::python(
        "import os, time\nprint('begun')\ndef handler(event, context):\n    time.sleep(event.get('sleep', 0))\n    return [os.getpid(), os.uname().nodename]\n",
    )
}

fn sandbox(server: &Server) -> Value {
    server.invoke("Hello", &[], b"{}").json()[1].clone()
}

#[test]
fn each_invocation_has_a_sandbox_of_its_own_unless_they_are_kept() {
    let cold = Server::start(pid_project(), &[]);
    assert_ne!(sandbox(&cold), sandbox(&cold));
    wait_until("they are gone", Duration::from_secs(4), || {
        containers_of(cold.pid()).is_empty()
    });
    // What is edited meanwhile is seen.
    let edited = "def handler(event, context):\n    return [0, 'edited']\n";
    std::fs::write(cold.project.path().join("src/app.py"), edited).unwrap();
    assert_eq!(sandbox(&cold), "edited");
    let output = cold.stop("-INT");
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), ""));
    let lines: Vec<_> = output.stderr.lines().collect();
    assert_eq!(
        lines[0],
        "Starting the Local Lambda Service. You can now invoke your Lambda Functions defined in your template through the \
         endpoint."
    );
    assert!(
        lines[1].starts_with(" * Running on http://127.0.0.1:")
            && lines[2] == "Press CTRL+C to quit",
        "{lines:?}"
    );

    let lazy = Server::start(pid_project(), &["--warm-containers", "LAZY"]);
    assert!(containers_of(lazy.pid()).is_empty());
    assert_eq!(sandbox(&lazy), sandbox(&lazy));
    assert_eq!(containers_of(lazy.pid()).len(), 1);
    lazy.stop("-TERM").success();

    let eager = Server::start(pid_project(), &["--warm-containers", "eager"]);
    assert_eq!(containers_of(eager.pid()).len(), 1);
    let output = eager.stop("-INT").success();
    assert!(
        output
            .stderr
            .contains("Initializing the lambda functions containers.\n"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains("All containers are ready.\n"),
        "{}",
        output.stderr
    );
}

#[test]
fn invocations_at_the_same_time_have_sandboxes_up_to_the_limit() {
    let server = Server::start(
        pid_project(),
        &["--warm-containers", "LAZY", "--max-concurrency", "2"],
    );
    let together = |body: &'static [u8], number: usize| {
        let mut answers: Vec<_> = thread::scope(|scope| {
            let asked: Vec<_> = (0..number)
                .map(|_| scope.spawn(|| server.invoke("Hello", &[], body)))
                .collect();
            asked.into_iter().map(|one| one.join().unwrap()).collect()
        });
        answers.sort_by_key(|answer| answer.status);
        answers
    };
    // The third waits.
    let answers = together(b"{\"sleep\": 0.5}", 3);
    assert!(
        answers.iter().all(|answer| answer.status == 200),
        "{answers:?}"
    );
    assert_eq!(containers_of(server.pid()).len(), 2);
    server.stop("-INT").success();

    let server = Server::start(
        pid_project(),
        &["--max-concurrency", "1", "--when-busy", "throttle"],
    );
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| server.invoke("Hello", &[], b"{\"sleep\": 1.5}"));
        thread::sleep(Duration::from_millis(700));
        let second = server.invoke("Hello", &[], b"{}");
        (first.join().unwrap(), second)
    });
    assert_eq!((first.status, second.status), (200, 429));
    assert_eq!(second.json()["Reason"], "ConcurrentInvocationLimitExceeded");
    server.stop("-INT").success();
}

#[test]
fn what_the_template_reserves_is_a_limit() {
    let run = |arguments: &[&str]| {
        let server = Server::start(project(), &[&["Alone"], arguments].concat());
        let second = thread::scope(|scope| {
            let first = scope.spawn(|| server.invoke("Alone", &[], b"{\"seconds\": 1.5}"));
            thread::sleep(Duration::from_millis(700));
            let second = server.invoke("Alone", &[], b"{\"seconds\": 0}");
            assert_eq!(first.join().unwrap().status, 200);
            second
        });
        server.stop("-INT").success();
        second
    };
    let refused = run(&[]);
    assert_eq!(refused.status, 429);
    assert_eq!(
        refused.json()["Reason"],
        "ReservedFunctionConcurrentInvocationLimitExceeded"
    );
    assert_eq!(run(&["--when-busy", "wait"]).status, 200);
}

#[test]
fn a_sandbox_that_nobody_uses_is_ended() {
    let server = Server::start(
        pid_project(),
        &["--warm-containers", "LAZY", "--idle-timeout", "1"],
    );
    let first = sandbox(&server);
    wait_until("it is ended", Duration::from_secs(6), || {
        containers_of(server.pid()).is_empty()
    });
    assert_ne!(sandbox(&server), first);
    // One that somebody else ends is told, and the next invocation has another.
    let container = &containers_of(server.pid())[0];
    docker(&["rm", "-f", container]);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(server.invoke("Hello", &[], b"{}").status, 200);
    server.stop("-INT").success();
}

#[test]
fn a_sandbox_lost_in_mid_invocation_is_an_error_of_the_service() {
    let server = Server::start(pid_project(), &["--warm-containers", "LAZY"]);
    let answer = thread::scope(|scope| {
        let asked = scope.spawn(|| server.invoke("Hello", &[], b"{\"sleep\": 5}"));
        wait_until("it runs", Duration::from_secs(5), || {
            !containers_of(server.pid()).is_empty()
        });
        thread::sleep(Duration::from_millis(500));
        docker(&["kill", &containers_of(server.pid())[0]]);
        asked.join().unwrap()
    });
    assert_eq!(
        (answer.status, answer.header("x-amzn-errortype")),
        (500, Some("ServiceException"))
    );
    assert_eq!(server.invoke("Hello", &[], b"{}").status, 200);
    server.stop("-INT").success();
}

#[test]
fn only_the_functions_that_are_named_are_served() {
    let server = Server::start(project(), &["Echo", "the-named-one"]);
    assert_eq!(
        server
            .invoke("Named", &[("x-amz-invocation-type", "DryRun")], b"{}")
            .status,
        204
    );
    assert_eq!(server.invoke("Raise", &[], b"{}").status, 404);
    server.stop("-INT").success();
    let project = project();
    let run = |arguments: &[&str]| {
        project.finish(
            project
                .command(&[&["local", "start-lambda"], arguments].concat())
                .spawn()
                .unwrap(),
        )
    };
    let output = run(&["Nope", "Echo", "Also"])
        .failure(1, "Unable to find Function(s) with name(s) 'Also,Nope'");
    assert!(
        output
            .stderr
            .contains("Also,Nope not found. Possible options in your template: ['"),
        "{}",
        output.stderr
    );
    run(&["--warm-containers", "foo"]).failure(
        2,
        "Invalid value for '--warm-containers': 'foo' is not one of 'EAGER', 'LAZY'.",
    );
    run(&["--port", "x"]).failure(
        2,
        "Invalid value for '--port' / '-p': 'x' is not a valid integer.",
    );
    run(&["--bogus"]).failure(2, "No such option: --bogus");
}

#[test]
fn a_port_that_is_taken_is_told_and_one_that_was_left_is_free() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let project = pid_project();
    let run = |port: &str| {
        project
            .command(&["local", "start-lambda", "-p", port])
            .spawn()
            .unwrap()
    };
    let words =
        format!("Port {port} is in use by another program. Either identify and stop that program");
    project.finish(run(&port)).failure(1, &words);
    drop(taken);
    let server = Server::start(pid_project(), &[]);
    let port = server.address.rsplit(':').next().unwrap().to_owned();
    server.invoke("Hello", &[], b"{}");
    server.stop("-INT").success();
    let again = Server::start(pid_project(), &["--port", &port]);
    assert!(again.address.ends_with(&port));
    again.stop("-INT").success();
}

#[test]
fn events_that_nobody_waits_for_are_tried_again_and_passed_on() {
    let server = Server::start(
        project(),
        &[
            "Flaky",
            "Told",
            "--warm-containers",
            "LAZY",
            "--max-concurrency",
            "1",
        ],
    );
    for body in [
        &br#"{"id": "good", "failures": 2}"#[..],
        br#"{"id": "bad", "failures": 9}"#,
    ] {
        let taken = server.invoke("Flaky", &[("x-amz-invocation-type", "Event")], body);
        assert_eq!((taken.status, taken.body.len()), (202, 0));
    }
    let counted = |line: &str| {
        let metrics = server.send("GET", "/_sam-rs/metrics", &[], None).text();
        metrics.lines().any(|known| known == line)
    };
    wait_until("both are handled", Duration::from_secs(20), || {
        counted("sam_rs_invocations_total{function=\"Told\"} 2")
    });
    wait_until("nothing is queued", Duration::from_secs(5), || {
        counted("sam_rs_queued_events{function=\"Flaky\"} 0")
    });
    let output = server.stop("-INT").success();
    for line in [
        "told of good Success 3",
        "told of bad RetriesExhausted 3",
        "try 3 of good",
        "try 3 of bad",
    ] {
        assert!(output.stderr.contains(line), "{line}: {}", output.stderr);
    }
    assert!(!output.stderr.contains("try 4"), "{}", output.stderr);
}

#[test]
fn what_runs_is_finished_and_nothing_more_is_accepted() {
    let server = Server::start(pid_project(), &["--warm-containers", "LAZY"]);
    let address = server.address.clone();
    let mut stream = server.open(
        "POST",
        "/2015-03-31/functions/Hello/invocations",
        &[],
        Some(b"{\"sleep\": 2}"),
    );
    wait_until("it runs", Duration::from_secs(5), || {
        !containers_of(server.pid()).is_empty()
    });
    thread::sleep(Duration::from_millis(600));
    let begun = Instant::now();
    server.signal("-INT");
    wait_until("nothing is accepted", Duration::from_secs(1), || {
        std::net::TcpStream::connect(&address).is_err()
    });
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    let output = server.stop("-0");
    assert_eq!(output.code, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(6));
    assert!(
        output
            .stderr
            .contains("finishing the requests that are under way"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_second_ctrl_c_ends_it_now() {
    let server = Server::start(project(), &["Patient"]);
    let stream = server.open(
        "POST",
        "/2015-03-31/functions/Patient/invocations",
        &[],
        Some(b"{\"seconds\": 25}"),
    );
    wait_until("it runs", Duration::from_secs(5), || {
        !containers_of(server.pid()).is_empty()
    });
    thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    server.signal("-INT");
    thread::sleep(Duration::from_millis(300));
    let output = server.stop("-INT");
    assert_eq!(output.code, Some(0));
    assert!(
        begun.elapsed() < Duration::from_secs(6),
        "{:?}",
        begun.elapsed()
    );
    drop(stream);
}

#[test]
fn a_client_that_goes_away_holds_nothing_up() {
    let server = Server::start(
        pid_project(),
        &["--warm-containers", "LAZY", "--max-concurrency", "1"],
    );
    let stream = server.open(
        "POST",
        "/2015-03-31/functions/Hello/invocations",
        &[],
        Some(b"{\"sleep\": 1}"),
    );
    thread::sleep(Duration::from_millis(600));
    drop(stream);
    assert_eq!(server.invoke("Hello", &[], b"{}").status, 200);
    let metrics = server.send("GET", "/_sam-rs/metrics", &[], None).text();
    assert!(
        metrics.contains("sam_rs_invocations_total{function=\"Hello\"} 2"),
        "{metrics}"
    );
    server.stop("-INT").success();

    let code = "export const handler = awslambda.streamifyResponse(async (event, stream) => {
        for (let n = 0; n < 200; n++) { if (!stream.write('x'.repeat(1 << 16))) await new Promise(r => stream.once('drain', r)); }
        stream.end();
    });";
    let server = Server::start(
        Project::nodejs(code),
        &["--warm-containers", "LAZY", "--max-concurrency", "1"],
    );
    let path = "/2021-11-15/functions/Hello/response-streaming-invocations";
    for _ in 0..2 {
        let mut stream = server.open("POST", path, &[], Some(b"{}"));
        stream.read_exact(&mut [0; 5000]).unwrap();
        drop(stream);
    }
    let whole = server.send("POST", path, &[], Some(b"{}"));
    assert!(
        whole.body.len() > 200 << 16 && whole.text().ends_with('}')
            || whole.text().contains("InvokeComplete")
    );
    server.stop("-INT").success();
}

#[test]
fn parts_of_an_answer_come_as_they_are_written() {
    let code = "export const handler = awslambda.streamifyResponse(async (event, stream) => {
        stream.write('one'); await new Promise(r => setTimeout(r, 1500)); stream.write('two'); stream.end();
    });";
    let server = Server::start(Project::nodejs(code), &["--warm-containers", "EAGER"]);
    let path = "/2021-11-15/functions/Hello/response-streaming-invocations";
    let mut stream = server.open("POST", path, &[("x-amz-log-type", "Tail")], Some(b"{}"));
    let begun = Instant::now();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("one") {
        let mut chunk = [0; 512];
        let read = stream.read(&mut chunk).unwrap();
        seen.extend_from_slice(&chunk[..read]);
    }
    assert!(
        begun.elapsed() < Duration::from_millis(1400),
        "{:?}",
        begun.elapsed()
    );
    stream.read_to_end(&mut seen).unwrap();
    let text = String::from_utf8_lossy(&seen);
    assert!(
        text.contains("two") && text.contains("{\"LogResult\":\""),
        "{text}"
    );
    server.stop("-INT").success();
}

#[test]
fn a_function_is_debugged_behind_the_service() {
    let project = Project::nodejs("export const handler = async () => 1;");
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let server = Server::start(
        project,
        &["-d", &port.to_string(), "--warm-containers", "LAZY"],
    );
    let stream = server.open(
        "POST",
        "/2015-03-31/functions/Hello/invocations",
        &[],
        Some(b"{}"),
    );
    // The port is open at once, the debugger behind it takes as long as the runtime.
    thread::sleep(Duration::from_secs(2));
    server.signal("-INT");
    thread::sleep(Duration::from_millis(200));
    let output = server.stop("-INT");
    assert!(
        output
            .stderr
            .contains(&format!("Debugger listening on 127.0.0.1:{port}")),
        "{}",
        output.stderr
    );
    drop(stream);
}
