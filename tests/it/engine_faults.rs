//! Faults of an engine that a real one cannot be made to have at will.

use std::io::{BufRead, BufReader};
use std::process::Command;
use std::time::{Duration, Instant};

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::fake_engine::{Answer, FakeEngine};
use crate::support::{Output, Project};

const IMAGE: &str = r#"{"Id": "sha256:1", "Config": {"Entrypoint": ["/lambda-entrypoint.sh"]}}"#;
const MISSING: Answer = Answer::Json(404, r#"{"message": "No such image"}"#);

fn hello() -> Project {
    Project::python("def handler(event, context):\n    return 1\n")
}

/// Runs a function on an engine; what it leaves there cannot be asked of a script.
fn run(engine: &FakeEngine) -> Output {
    let project = hello();
    let mut command = project.command(&["local", "invoke", "Hello"]);
    let output = command.env("DOCKER_HOST", engine.host()).output().unwrap();
    Output {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code(),
    }
}

fn is_pull(path: &str) -> bool {
    path.starts_with("/images/create")
}

#[test]
fn a_registry_that_refuses_is_quoted() {
    let engine = FakeEngine::start(|_, path| match path {
        path if is_pull(path) => Answer::Json(
            500,
            r#"{"message": "unauthorized: authentication required"}"#,
        ),
        _ => MISSING,
    });
    let output = run(&engine).failure(
        1,
        "Could not find public.ecr.aws/lambda/python:3.11-x86_64 image locally",
    );
    assert!(
        output
            .stderr
            .contains("Hint: unauthorized: authentication required"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_pull_that_breaks_off_goes_on_but_not_for_ever() {
    let broken = || {
        Answer::Lines(&[
            r#"{"status": "Downloading", "id": "a", "progressDetail": {"current": 1, "total": 9}}"#,
            r#"{"error": "unexpected EOF", "errorDetail": {"message": "unexpected EOF"}}"#,
        ])
    };
    let asked = AtomicUsize::new(0);
    let recovers = FakeEngine::start(move |_, path| match path {
        path if is_pull(path) => match asked.fetch_add(1, Ordering::SeqCst) {
            0 => broken(),
            _ => Answer::Lines(&[r#"{"status": "Pull complete", "id": "a"}"#]),
        },
        path if path.starts_with("/images/") && asked.load(Ordering::SeqCst) > 1 => {
            Answer::Json(200, IMAGE)
        }
        _ => MISSING,
    });
    let output = run(&recovers);
    assert!(
        output
            .stderr
            .contains("the pull broke off (unexpected EOF); again in 1 s\n"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("\nPulled "), "{}", output.stderr);
    let never = FakeEngine::start(move |_, path| match path {
        path if is_pull(path) => broken(),
        _ => MISSING,
    });
    let output = run(&never).failure(1, "Could not find ");
    assert_eq!(
        output.stderr.matches("the pull broke off").count(),
        2,
        "{}",
        output.stderr
    );
}

#[test]
fn a_disk_that_is_full_while_pulling_is_told() {
    let engine = FakeEngine::start(|_, path| match path {
        path if is_pull(path) => Answer::Lines(&[
            r#"{"status": "Pulling fs layer", "id": "a"}"#,
            r#"{"error": "no space left on device", "errorDetail": {"message": "no space left on device"}}"#,
        ]),
        _ => MISSING,
    });
    let output = run(&engine).failure(1, "Could not find ");
    assert!(
        output.stderr.contains("  a: Pulling fs layer\n"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains("no space left on device"),
        "{}",
        output.stderr
    );
}

#[test]
fn an_engine_that_goes_away_is_told_in_every_phase() {
    for phase in ["/images/", "/containers/create", "/attach", "/start"] {
        let engine = FakeEngine::start(move |_, path| match path {
            path if path.contains(phase) => Answer::Close,
            path if path.starts_with("/images/") => Answer::Json(200, IMAGE),
            path if path.contains("/containers/create") => {
                Answer::Json(201, r#"{"Id": "c", "Warnings": []}"#)
            }
            _ => Answer::Json(404, r#"{"message": "gone"}"#),
        });
        let output = run(&engine);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(1), ""),
            "{phase}: {output:?}"
        );
        assert!(output.stderr.contains("Error: "), "{phase}: {output:?}");
        assert!(!output.stderr.contains("panicked"), "{phase}: {output:?}");
    }
}

#[test]
fn a_container_that_cannot_be_made_has_the_engine_s_reason() {
    let engine = FakeEngine::start(|_, path| match path {
        path if path.starts_with("/images/") => Answer::Json(200, IMAGE),
        path if path.contains("/containers/create") => {
            Answer::Json(500, r#"{"message": "no space left on device"}"#)
        }
        _ => Answer::Json(404, r#"{"message": "gone"}"#),
    });
    run(&engine).failure(
        1,
        "Container creation failed: no space left on device, check template for potential issue",
    );
}

#[test]
fn an_image_without_an_entry_point_is_named() {
    let engine = FakeEngine::start(|_, path| match path {
        path if path.starts_with("/images/") => Answer::Json(200, r#"{"Id": "sha256:1"}"#),
        _ => Answer::Json(404, r#"{"message": "gone"}"#),
    });
    run(&engine).failure(
        1,
        "image public.ecr.aws/lambda/python:3.11-x86_64 has no entry point",
    );
}

#[test]
fn an_answer_that_is_no_engine_s_is_an_error() {
    for answer in ["<html>", "[]", "{"] {
        let engine = FakeEngine::start(move |_, _| Answer::Json(200, answer));
        let output = run(&engine);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(1), ""),
            "{answer}: {output:?}"
        );
    }
}

#[test]
fn a_pull_can_be_interrupted() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let engine = FakeEngine::start(|_, path| match path {
            path if is_pull(path) => Answer::Hang(&[r#"{"status": "Downloading", "id": "layer"}"#]),
            _ => MISSING,
        });
        let project = hello();
        let mut command = project.command(&["local", "invoke", "Hello"]);
        let mut child = command.env("DOCKER_HOST", engine.host()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(
            lines
                .map_while(Result::ok)
                .any(|line| line.contains("layer: Downloading"))
        );
        let begun = Instant::now();
        Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status()
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
}

#[test]
fn an_engine_that_does_not_answer_can_be_interrupted_even_twice() {
    let engine = FakeEngine::start(|_, _| Answer::Hang(&[]));
    let project = hello();
    let mut command = project.command(&["local", "invoke", "Hello"]);
    let mut child = command.env("DOCKER_HOST", engine.host()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    for _ in 0..2 {
        Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
