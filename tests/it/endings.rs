//! How a function ends, and what is told of it.

use crate::support::{Output, Project};

fn run(project: &Project, event: &str, arguments: &[&str]) -> Output {
    let mut all = vec!["Hello", "-e", "-"];
    all.extend(arguments);
    project.invoke_with_input(&all, event.as_bytes())
}

fn error_type(output: &Output) -> String {
    output.json()["errorType"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Whether one of the platform's lines ends in this way.
fn told(output: &Output, name: &str, end: &str) -> bool {
    let mut lines = output.stderr.lines();
    lines.any(|line| line.starts_with(&format!("{name} ")) && line.ends_with(end))
}

#[test]
fn an_initialisation_that_fails_again_is_part_of_the_invocation() {
    let project = Project::python("raise ValueError('no')\n")
        .file("one.json", "1")
        .file("two.json", "2");
    let output = project
        .invoke(&[
            "Hello", "-e", "one.json", "-e", "two.json", "--output", "json",
        ])
        .success();
    for phase in ["init", "invoke"] {
        let end = format!("Phase: {phase}\tStatus: error\tError Type: Runtime.Unknown\t");
        assert!(told(&output, "INIT_REPORT", &end), "{}", output.stderr);
    }
    assert_eq!(output.stderr.matches("\nINIT_START ").count(), 2);
}

#[test]
fn an_error_of_the_handler_is_its_own_document() {
    let project = Project::python("def handler(event, context):\n    raise ValueError('no')\n");
    let output = run(&project, "{}", &[]).success();
    assert_eq!(output.json()["errorMessage"], "no");
    assert_eq!(error_type(&output), "ValueError");
    assert!(!output.stderr.contains("Status:"), "{}", output.stderr);
    assert_eq!(run(&project, "{}", &["--fail-on-error"]).code, Some(3));
}

#[test]
fn an_error_of_the_import_is_reported_in_the_runtime_s_words() {
    let project = Project::python("import nothing_like_that\n");
    let output = run(&project, "{}", &[]).success();
    assert_eq!(error_type(&output), "Runtime.ImportModuleError");
    let project = Project::python("x = 1\n");
    assert_eq!(
        error_type(&run(&project, "{}", &[]).success()),
        "Runtime.HandlerNotFound"
    );
}

#[test]
fn an_exit_is_told_with_its_status() {
    let project = Project::provided();
    for (event, message) in [
        (
            r#"{"do": "exit", "code": 5}"#,
            "Runtime exited with error: exit status 5",
        ),
        (
            r#"{"do": "exit", "code": 0}"#,
            "Runtime exited without providing a reason",
        ),
    ] {
        for transport in ["auto", "stdio"] {
            let output = run(&project, event, &["--transport", transport]).success();
            assert_eq!(error_type(&output), "Runtime.ExitError");
            let text = output.json()["errorMessage"].as_str().unwrap().to_owned();
            assert!(
                text.starts_with("RequestId: ") && text.ends_with(message),
                "{text}"
            );
            assert!(
                output
                    .stderr
                    .contains("Status: error\tError Type: Runtime.ExitError"),
                "{}",
                output.stderr
            );
        }
    }
}

#[test]
fn an_exit_during_initialisation_is_told_too() {
    let project = Project::python("import os, sys\nprint('last words', flush=True)\nos._exit(7)\n");
    let output = run(&project, "{}", &[]).success();
    assert_eq!(error_type(&output), "Runtime.ExitError");
    assert!(output.stderr.contains("last words\n"), "{}", output.stderr);
    assert!(
        told(
            &output,
            "INIT_REPORT",
            "Phase: init\tStatus: error\tError Type: Runtime.ExitError\t"
        ) && told(
            &output,
            "REPORT",
            "Status: error\tError Type: Runtime.ExitError\t"
        ),
        "{}",
        output.stderr
    );
}

#[test]
fn a_time_out_prints_nothing_on_standard_output() {
    let project = Project::python(
        "import time\ndef handler(event, context):\n    print('in')\n    time.sleep(60)\n",
    )
    .function("python3.11", "app.handler", 1);
    let output = run(&project, "{}", &[]).success();
    assert_eq!(output.stdout, "");
    for line in [
        "Function 'Hello' timed out after 1 seconds",
        "No response from invoke container for Hello",
        "\tDuration: 1000.00 ms\t",
        "Status: timeout",
    ] {
        assert!(output.stderr.contains(line), "{line} in {}", output.stderr);
    }
    assert_eq!(run(&project, "{}", &["--fail-on-error"]).code, Some(3));
}

#[test]
fn initialisation_does_not_count_against_the_timeout() {
    let project = Project::python(
        "import time\ntime.sleep(1.5)\ndef handler(event, context):\n    return 1\n",
    )
    .function("python3.11", "app.handler", 1);
    assert_eq!(run(&project, "{}", &[]).success().stdout, "1");
}

#[test]
fn initialisation_that_is_too_long_starts_again_within_the_timeout() {
    let code = "import os, time\ntime.sleep(0 if os.path.exists('/tmp/again') else (open('/tmp/again', 'w').close() or 30))\n\
                def handler(event, context):\n    return 'second'\n";
    let output = run(&Project::python(code), "{}", &[]).success();
    assert_eq!(output.stdout, "\"second\"");
    assert!(
        output
            .stderr
            .contains("did not initialise within 10 seconds"),
        "{}",
        output.stderr
    );
    let (init, report) = output.stderr.split_once("START RequestId").unwrap();
    assert!(
        init.contains("INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\t\n"),
        "{init}"
    );
    assert!(!report.contains("Init Duration"), "{report}");
}

#[test]
fn memory_that_runs_out_is_told_apart() {
    let output = run(&Project::provided(), r#"{"do": "alloc", "mb": 400}"#, &[]);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert_eq!(error_type(&output), "Runtime.OutOfMemory");
    let message = "Error: Runtime exited with error: signal: killed\"}";
    assert!(output.stdout.ends_with(message), "{}", output.stdout);
    assert!(
        output
            .stderr
            .contains("Container invocation failed due to maximum memory usage"),
        "{}",
        output.stderr
    );
}

#[test]
fn an_answer_above_the_limit_is_refused() {
    let project = Project::python("def handler(event, context):\n    return 'x' * (7 << 20)\n");
    assert_eq!(
        run(&project, "{}", &[]).success().stdout,
        "{\"errorType\":\"Function.ResponseSizeTooLarge\",\"errorMessage\":\"Response payload size exceeded maximum \
         allowed payload size (6291556 bytes).\"}"
    );
}

#[test]
fn a_bootstrap_that_cannot_run_is_told_apart() {
    let message = |project: &Project, hint: &str| {
        let output = run(project, "{}", &[]).success();
        assert_eq!(error_type(&output), "Runtime.InvalidEntrypoint");
        let hinted = output.stderr.contains("Hint: /var/task/bootstrap");
        assert_eq!(hinted, !hint.is_empty(), "{}", output.stderr);
        assert!(output.stderr.contains(hint), "{}", output.stderr);
        output.json()["errorMessage"]
            .as_str()
            .unwrap()
            .split_once("Error: ")
            .unwrap()
            .1
            .to_owned()
    };
    let none = Project::new()
        .function("provided.al2023", "x", 3)
        .file("src/readme", "");
    assert_eq!(
        message(&none, ""),
        "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
    );
    let plain = Project::new()
        .function("provided.al2023", "x", 3)
        .file("src/bootstrap", "#!/bin/sh\n");
    assert_eq!(
        message(&plain, "is not executable"),
        "fork/exec /var/task/bootstrap: permission denied"
    );
    let windows = Project::shell("#!/bin/sh\r\necho\r\n");
    assert_eq!(
        message(&windows, "carriage return"),
        "fork/exec /var/task/bootstrap: no such file or directory"
    );
    // A program for another processor: an ELF header for 64-bit Arm.
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0\x01\0\0\0".to_vec();
    elf.resize(256, 0);
    let arm = Project::shell("");
    std::fs::write(arm.path().join("src/bootstrap"), elf).unwrap();
    assert_eq!(
        message(&arm, "neither a program for this processor"),
        "fork/exec /var/task/bootstrap: exec format error"
    );
    let other = Project::shell("\u{7f}ELF no program");
    assert_eq!(
        message(&other, "neither a program for this processor"),
        "fork/exec /var/task/bootstrap: exec format error"
    );
}

#[test]
fn a_runtime_that_never_asks_for_work_is_not_waited_for_for_ever() {
    let project = Project::shell("#!/bin/sh\nsleep 100\n").function("provided.al2023", "any", 1);
    let output = run(&project, "{}", &[]).success();
    assert_eq!(output.stdout, "");
    for line in [
        "did not initialise within 10 seconds",
        "Function 'Hello' timed out after 1 seconds",
    ] {
        assert!(output.stderr.contains(line), "{line} in {}", output.stderr);
    }
}

#[test]
fn a_signal_is_told_by_its_name() {
    let project = Project::python(
        "import os\ndef handler(event, context):\n    os.kill(os.getpid(), event)\n",
    );
    for (signal, name) in [
        ("11", "segmentation fault"),
        ("6", "aborted"),
        ("9", "killed"),
        ("15", "terminated"),
    ] {
        let output = run(&project, signal, &[]).success();
        assert_eq!(error_type(&output), "Runtime.ExitError");
        let text = output.json()["errorMessage"].as_str().unwrap().to_owned();
        assert!(
            text.ends_with(&format!("Runtime exited with error: signal: {name}")),
            "{text}"
        );
    }
}

/// A handler of a runtime that goes on working, for so many seconds, after it has sent its answer.
fn busy_afterwards(seconds: &str) -> Project {
    Project::python(&format!(
        "import time\nfrom awslambdaric.lambda_runtime_client import LambdaRuntimeClient as Client\n\
         post = Client.post_invocation_result\n\
         def late(*arguments, **named):\n    post(*arguments, **named)\n    time.sleep({seconds})\n    \
         print('afterwards', flush=True)\n\
         Client.post_invocation_result = late\n\
         def handler(event, context):\n    return 'answer'\n"
    ))
}

#[test]
fn what_a_function_does_after_its_answer_is_part_of_the_invocation() {
    let output = run(&busy_afterwards("0.5"), "{}", &[]).success();
    assert_eq!(output.stdout, "\"answer\"");
    let (_, rest) = output.stderr.split_once("START").unwrap();
    let (before_end, _) = rest.split_once("\nEND").unwrap();
    assert!(before_end.contains("afterwards"), "{}", output.stderr);
}

#[test]
fn an_answer_stands_when_the_time_is_up_afterwards() {
    let project = busy_afterwards("60").function("python3.11", "app.handler", 1);
    let output = run(&project, "{}", &["--fail-on-error"]).success();
    assert_eq!(output.stdout, "\"answer\"");
    for text in ["was still at work when its time was up", "Status: timeout"] {
        assert!(output.stderr.contains(text), "{text} in {}", output.stderr);
    }
}
