//! Death in every phase: whatever ends the program, nothing of it is left.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::Project;
use crate::support::engine::{containers_of, docker};
use crate::support::project::wait_until;

/// What may pass until a container is gone.
const GONE: Duration = Duration::from_secs(2);

fn sleeper() -> Project {
    Project::python(
        "import time\nprint('initialising', flush=True)\ntime.sleep(0.2)\ndef handler(event, context):\n    print('handling', flush=True)\n    time.sleep(60)\n",
    )
    .function("python3.11", "app.handler", 100)
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Starts a run and reads its standard error up to a line.
fn start_until(project: &Project, arguments: &[&str], line: &str) -> Child {
    let mut command = project.command(&[&["local", "invoke", "Hello"], arguments].concat());
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let mut lines = stderr.lines();
    assert!(
        lines
            .by_ref()
            .map_while(Result::ok)
            .any(|found| found.contains(line)),
        "{line}"
    );
    // Whoever closes the pipe would end the program by another way than the test's.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

fn assert_gone(project: &Project, child: &Child) {
    wait_until("the container is gone", GONE, || {
        containers_of(child.id()).is_empty()
    });
    project.assert_clean(child.id());
}

#[test]
fn kill_9_in_every_phase_leaves_nothing() {
    let project = sleeper();
    for transport in ["auto", "stdio", "archive"] {
        for line in [
            "Invoking",
            "Mounting",
            "SAM_CONTAINER_ID",
            "initialising",
            "START",
            "handling",
        ] {
            let mut child = start_until(&project, &["--transport", transport], line);
            signal(&child, "-KILL");
            child.wait().unwrap();
            assert_gone(&project, &child);
        }
    }
}

#[test]
fn kill_9_at_any_moment_leaves_nothing() {
    let project = sleeper();
    for step in 0..24 {
        let mut child = project.start(&["Hello"]);
        std::thread::sleep(Duration::from_millis(step * 10));
        signal(&child, "-KILL");
        child.wait().unwrap();
        assert_gone(&project, &child);
    }
}

#[test]
fn a_signal_ends_the_run_with_its_code() {
    let project = sleeper();
    for (name, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        for line in [
            "Invoking",
            "Mounting",
            "SAM_CONTAINER_ID",
            "initialising",
            "handling",
        ] {
            let mut child = start_until(&project, &[], line);
            signal(&child, name);
            assert_eq!(child.wait().unwrap().code(), Some(code), "{name} {line}");
            assert_gone(&project, &child);
        }
    }
}

#[test]
fn a_signal_is_heard_while_standard_input_is_read() {
    let project = sleeper();
    let mut command = project.command(&["local", "invoke", "Hello", "-e", "-"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    signal(&child, "-INT");
    let input = child.stdin.take();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(input);
    assert_gone(&project, &child);
}

#[test]
fn the_supervisor_s_death_ends_the_run() {
    let project = sleeper();
    let child = start_until(&project, &[], "handling");
    let container = containers_of(child.id()).pop().unwrap();
    docker(&["kill", "--signal", "KILL", &container]);
    let output = project.finish(child);
    assert_eq!(output.code, Some(1), "{output:?}");
}

#[test]
fn a_container_that_is_stopped_ends_at_once() {
    let project = sleeper();
    let child = start_until(&project, &[], "handling");
    let container = containers_of(child.id()).pop().unwrap();
    let begun = std::time::Instant::now();
    docker(&["stop", &container]);
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "the supervisor ends when it is asked to"
    );
    assert_eq!(project.finish(child).code, Some(1));
}

#[test]
fn what_an_earlier_run_left_is_found_and_a_colleague_s_is_not() {
    let project = sleeper();
    // A run and its reaper, killed together: nobody is there to clean up but the supervisor, which is stopped.
    let mut child = start_until(&project, &[], "handling");
    let container = containers_of(child.id()).pop().unwrap();
    docker(&["pause", &container]);
    let labels = docker(&["inspect", "-f", "{{json .Config.Labels}}", &container]);
    let mut labels: BTreeMap<String, String> = serde_json::from_str(&labels).unwrap();
    for process in project.processes() {
        let pid = process.file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            Command::new("kill")
                .args(["-KILL", &pid])
                .status()
                .unwrap()
                .success()
        );
    }
    child.wait().unwrap();
    // The same marks but for the host: a colleague's on a shared engine.
    labels.insert("sam-rs.owner.host".into(), "elsewhere".into());
    let flags: Vec<_> = labels
        .iter()
        .map(|(name, value)| format!("--label={name}={value}"))
        .collect();
    let mut arguments = vec!["create"];
    arguments.extend(flags.iter().map(String::as_str));
    arguments.push("public.ecr.aws/lambda/provided:al2023");
    let colleague = docker(&arguments);
    let other = Project::python("import time\ndef handler(event, context):\n    time.sleep(1)\n");
    other.invoke(&["Hello"]).success();
    let left = containers_of(child.id());
    docker(&["rm", "-f", &colleague]);
    assert!(left.iter().all(|id| colleague.starts_with(id)), "{left:?}");
    assert_eq!(left.len(), 1, "the colleague's stayed");
}

#[test]
fn a_container_that_somebody_removes_ends_the_run() {
    let project = sleeper();
    let child = start_until(&project, &[], "handling");
    let container = containers_of(child.id()).pop().unwrap();
    docker(&["rm", "-f", &container]);
    assert_eq!(project.finish(child).code, Some(1));
}

#[test]
fn a_second_signal_ends_the_run_at_once() {
    let project = sleeper();
    let mut child = start_until(&project, &[], "handling");
    signal(&child, "-INT");
    // The first may have been enough already.
    let _ = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .stderr(Stdio::null())
        .status();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_gone(&project, &child);
}

#[test]
fn a_standard_output_that_nobody_reads_ends_the_run() {
    let project = Project::python("def handler(event, context):\n    return 'x' * 1_000_000\n");
    let mut child = project.start(&["Hello"]);
    drop(child.stdout.take());
    let output = project.finish(child);
    assert_eq!(output.code, Some(0), "{output:?}");
}

/// A function that streams its answer for ever.
fn streamer() -> Project {
    Project::nodejs(
        "export const handler = awslambda.streamifyResponse(async (event, stream) => {
            console.log('streaming');
            for (;;) { stream.write('x'.repeat(1000)); await new Promise(r => setTimeout(r, 5)); }
        });",
    )
    .function("nodejs22.x", "index.handler", 100)
}

#[test]
fn a_signal_ends_a_stream() {
    let project = streamer();
    for (name, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let mut child = start_until(&project, &[], "streaming");
        std::thread::sleep(Duration::from_millis(100));
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(code), "{name}");
        assert_gone(&project, &child);
    }
}

#[test]
fn a_stream_that_nobody_reads_any_more_ends() {
    let project = streamer();
    let mut child = project.start(&["Hello"]);
    let mut stdout = child.stdout.take().unwrap();
    let mut some = [0; 5000];
    std::io::Read::read_exact(&mut stdout, &mut some).unwrap();
    drop(stdout);
    let output = project.finish(child);
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[test]
fn a_signal_while_cleaning_up_changes_nothing() {
    let project = Project::python("def handler(event, context):\n    return 1\n");
    for _ in 0..5 {
        let mut child = start_until(&project, &[], "REPORT");
        let _ = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .stderr(Stdio::null())
            .status();
        assert!(matches!(child.wait().unwrap().code(), Some(0 | 130)));
        assert_gone(&project, &child);
    }
}
