//! Several events in one run, and what goes with an event.

use crate::support::Project;

const COUNTER: &str = "
import os, json
count = 0
def handler(event, context):
    global count
    count += 1
    if event == 'die':
        os._exit(3)
    if event == 'lines':
        return 'a\\nb'
    if event == 'raise':
        raise ValueError('no')
    first = not os.path.exists('/tmp/mark')
    open('/tmp/mark', 'w').close()
    client = context.client_context
    return {'event': event, 'count': count, 'first': first,
            'custom': client.custom if client else None, 'tenant': getattr(context, 'tenant_id', None)}
";

fn project() -> Project {
    Project::python(COUNTER)
        .file("one.json", "1")
        .file("two.json", "2.50")
        .file("die.json", "\"die\"")
        .file("lines.json", "\"lines\"")
        .file("raise.json", "\"raise\"")
}

fn invoke(project: &Project, events: &[&str], more: &[&str]) -> crate::support::Output {
    let mut arguments = vec!["Hello"];
    for event in events {
        arguments.extend(["-e", event]);
    }
    project.invoke(&[&arguments, more].concat())
}

#[test]
fn several_events_are_served_by_one_warm_sandbox() {
    let project = project();
    let output = invoke(&project, &["one.json", "two.json", "raise.json"], &[]).success();
    let lines: Vec<_> = output.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", output.stdout);
    assert!(
        lines[0].starts_with("{\"event\": 1, \"count\": 1, \"first\": true"),
        "{}",
        lines[0]
    );
    assert!(
        lines[1].starts_with("{\"event\": 2.5, \"count\": 2, \"first\": false"),
        "{}",
        lines[1]
    );
    assert!(lines[2].contains("ValueError"));
    assert_eq!(output.stderr.matches("SAM_CONTAINER_ID").count(), 1);
    assert_eq!(
        output.stderr.matches("Init Duration").count(),
        1,
        "{}",
        output.stderr
    );
    assert_eq!(output.stderr.matches("REPORT").count(), 3);
    let strict = invoke(&project, &["raise.json", "one.json"], &["--fail-on-error"]);
    assert_eq!(
        (strict.code, strict.stdout.lines().count()),
        (Some(3), 2),
        "{strict:?}"
    );
}

#[test]
fn a_runtime_that_died_starts_again_for_the_next_event() {
    let output = invoke(&project(), &["one.json", "die.json", "two.json"], &[]).success();
    let lines: Vec<_> = output.stdout.lines().collect();
    assert!(lines[1].contains("Runtime.ExitError"), "{}", output.stdout);
    // A new process, in the same sandbox.
    assert!(
        lines[2].starts_with("{\"event\": 2.5, \"count\": 1, \"first\": false"),
        "{}",
        output.stdout
    );
}

#[test]
fn lines_of_json_keep_answers_apart() {
    let project = project();
    let output = invoke(&project, &["lines.json", "one.json"], &[]).success();
    assert!(output.stderr.contains("use --output json") || output.stdout.lines().count() == 2);
    let output = invoke(
        &project,
        &["lines.json", "die.json", "two.json"],
        &["--output", "json"],
    );
    let lines = output.success().json_lines();
    assert_eq!(
        (&lines[0]["status"], &lines[0]["payload"]),
        (&"success".into(), &"a\nb".into())
    );
    assert_eq!(lines[1]["status"], "crashed");
    assert_eq!(lines[1]["payload"]["errorType"], "Runtime.ExitError");
    assert_eq!(lines[2]["payload"]["event"], 2.5);
}

#[test]
fn a_line_of_json_has_everything_of_its_invocation() {
    let code = "import sys\nprint('loading')\ndef handler(event, context):\n    print('out', event)\n    print('err', file=sys.stderr)\n\
                \x20   if event == 2: raise KeyError('no')\n    if event == 3:\n        import time\n        time.sleep(9)\n    return 1.50\n";
    let project = Project::python(code).function("python3.11", "app.handler", 1);
    let project = project.file("1", "1").file("2", "2").file("3", "3");
    let arguments = ["Hello", "-e", "1", "-e", "2", "-e", "3", "--output", "json"];
    let output = project.invoke(&arguments).success();
    let [first, second, third] = &output.json_lines()[..] else {
        panic!("{output:?}")
    };
    for line in [first, second, third] {
        assert_eq!(line["function"], "Hello");
        assert_eq!(line["requestId"].as_str().unwrap().len(), 36);
        assert_eq!(line["metrics"]["memorySizeMB"], 128);
        assert!(line["metrics"]["maxMemoryUsedMB"].as_u64().unwrap() > 1);
        let figure = |name: &str| line["metrics"][name].as_f64().unwrap();
        assert!(figure("billedDurationMs") >= figure("durationMs"));
    }
    assert!(first["metrics"]["initDurationMs"].as_f64().unwrap() > 0.0);
    assert!(second["metrics"]["initDurationMs"].is_null());
    assert_eq!(
        (&first["status"], &first["errorType"]),
        (&"success".into(), &serde_json::Value::Null)
    );
    assert_eq!(
        first["logs"],
        serde_json::json!(["loading", "out 1", "err"])
    );
    assert_eq!(
        (&second["status"], &second["errorType"]),
        (&"error".into(), &"KeyError".into())
    );
    assert_eq!(second["logs"][0], "out 2");
    assert_eq!(
        (&third["status"], &third["errorType"]),
        (&"timeout".into(), &"Sandbox.Timedout".into())
    );
    assert_eq!(third["logs"], serde_json::json!(["out 3", "err"]));
    assert!(
        output.stderr.contains("\nloading\n") && output.stderr.contains("\nREPORT "),
        "{}",
        output.stderr
    );
}

#[test]
fn everything_else_can_be_lines_of_json_too() {
    let code = "import json\nprint('loading')\nprint(json.dumps({'a': 1}), end='')\ndef handler(event, context):\n    return event\n";
    let project = Project::python(code);
    let output = project
        .invoke(&["Hello", "--log-format", "json", "--cpu-share"])
        .success();
    assert_eq!(output.stdout, "{}");
    let lines: Vec<serde_json::Value> = output
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |kind: &str| -> Vec<_> { lines.iter().filter(|line| line["type"] == kind).collect() };
    assert_eq!(
        of("sam-rs.note")[0]["record"],
        "Invoking app.handler (python3.11)"
    );
    let records: Vec<_> = of("function")
        .iter()
        .map(|line| line["record"].clone())
        .collect();
    assert_eq!(records, ["loading".into(), serde_json::json!({"a": 1})]);
    assert_eq!(of("platform.report")[0]["record"]["status"], "success");
    assert!(lines.iter().all(|line| line["time"].is_string()));

    let wrong = project.invoke(&["Nope", "--log-format", "json"]);
    let line: serde_json::Value =
        serde_json::from_str(wrong.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(
        (wrong.code, &line["type"]),
        (Some(1), &"sam-rs.error".into())
    );
    assert!(
        line["record"]
            .as_str()
            .unwrap()
            .contains("Function Nope not found in template")
    );

    let file = project
        .invoke(&["Hello", "--log-format", "json", "-l", "run.log"])
        .success();
    assert!(
        !file.stderr.contains("platform.") && project.read("run.log").contains("platform.report")
    );
}

#[test]
fn one_bad_event_keeps_all_from_starting() {
    let project = project().file("bad.json", "{");
    let output = invoke(&project, &["one.json", "bad.json"], &[]);
    let output = output.failure(1, "the event from ");
    assert!(
        !output.stderr.contains("SAM_CONTAINER_ID"),
        "{}",
        output.stderr
    );
}

#[test]
fn the_client_s_context_reaches_the_function() {
    let project = project();
    let json = r#"{"custom": {"k": "v"}}"#;
    // The same in base64.
    let encoded = "eyJjdXN0b20iOiB7ImsiOiAidiJ9fQ==";
    for context in [json, encoded] {
        let output = invoke(&project, &["one.json"], &["--client-context", context]).success();
        assert_eq!(output.json()["custom"]["k"], "v");
    }
    invoke(&project, &["one.json"], &["--client-context", "{"])
        .failure(2, "Invalid value for '--client-context': ");
}

#[test]
fn a_cognito_identity_reaches_the_function() {
    let code = "def handler(event, context):\n    identity = context.identity\n    return [identity.cognito_identity_id, \
                identity.cognito_identity_pool_id]\n";
    let project = Project::python(code);
    let identity = r#"{"cognitoIdentityId": "é-1", "cognitoIdentityPoolId": "pool"}"#;
    let output = project
        .invoke(&["Hello", "--cognito-identity", identity])
        .success();
    assert_eq!(output.json(), serde_json::json!(["é-1", "pool"]));
    for wrong in ["[]", "no"] {
        project
            .invoke(&["Hello", "--cognito-identity", wrong])
            .failure(
                2,
                "Invalid value for '--cognito-identity': it is not a JSON object.",
            );
    }
}

#[test]
fn a_tenant_is_named_where_one_is_wanted_and_only_there() {
    let project = project();
    let wrong = [
        (
            "x".repeat(257),
            "--tenant-id must be between 1 and 256 characters",
        ),
        (
            " ".to_owned(),
            "--tenant-id cannot be empty or contain only whitespace",
        ),
        ("a!".to_owned(), "--tenant-id contains invalid characters."),
    ];
    for (id, error) in wrong {
        let error = format!("Invalid value for '--tenant-id': {error}");
        invoke(&project, &["one.json"], &["--tenant-id", &id]).failure(2, &error);
    }
    invoke(&project, &["one.json"], &["--tenant-id", "a"]).failure(
        1,
        "The invoked function is not enabled with tenancy configuration.",
    );
    let template =
        project.read("template.yaml") + "      TenancyConfig: {TenantIsolationMode: PER_TENANT}\n";
    let project = project.file("template.yaml", &template);
    invoke(&project, &["one.json"], &[]).failure(
        1,
        "The invoked function is enabled with tenancy configuration.",
    );
    let output = invoke(&project, &["one.json"], &["--tenant-id", "blue team"]).success();
    assert_eq!(output.json()["tenant"], "blue team");
}

#[test]
fn the_memory_limit_can_be_lifted() {
    let project = Project::provided();
    let event = r#"{"do": "alloc", "mb": 300}"#;
    let output =
        project.invoke_with_input(&["Hello", "-e", "-", "--no-memory-limit"], event.as_bytes());
    assert_eq!(output.success().json()["echo"]["mb"], 300);
}

/// A project whose function runs on managed instances: it has several workers.
fn managed() -> Project {
    let code = "import os, threading, time\ndef handler(event, context):\n    if event == 'slow':\n        time.sleep(10)\n    \
                return [event, os.environ['AWS_LAMBDA_MAX_CONCURRENCY'], os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']]\n";
    let project = Project::python(code);
    let template = project.read("template.yaml")
        + "      CapacityProviderConfig: {PerExecutionEnvironmentMaxConcurrency: 3}\n";
    project
        .file("template.yaml", &template)
        .file("slow.json", "\"slow\"")
        .file("one.json", "1")
        .file("two.json", "2")
}

#[test]
fn a_runtime_may_have_several_workers() {
    let project = managed();
    let events: Vec<_> = (0..12)
        .flat_map(|n| ["-e", ["one.json", "two.json"][n % 2]])
        .collect();
    let output = project
        .invoke(&[&["Hello"], events.as_slice()].concat())
        .success();
    let answers: Vec<_> = output.stdout.lines().collect();
    for (n, answer) in answers.iter().enumerate() {
        let expected = format!("[{}, \"3\", \"lambda-managed-instances\"]", n % 2 + 1);
        assert_eq!(**answer, expected);
    }
    assert_eq!(answers.len(), 12);
    assert_eq!(
        output.stderr.matches("START RequestId").count(),
        12,
        "each is delivered once"
    );
}

#[test]
fn a_worker_that_is_too_slow_does_not_end_the_others() {
    let project = managed();
    let output = project
        .invoke(&[
            "Hello",
            "-e",
            "slow.json",
            "-e",
            "one.json",
            "--output",
            "json",
        ])
        .success();
    let lines = output.json_lines();
    assert_eq!(
        (&lines[0]["status"], &lines[1]["status"]),
        (&"timeout".into(), &"success".into())
    );
    let document = &lines[0]["payload"];
    assert_eq!(document["errorType"], "Sandbox.Timedout");
    let message = document["errorMessage"].as_str().unwrap();
    assert!(
        message.ends_with(" Error: Task timed out after 10.00 seconds"),
        "{message}"
    );
    assert_eq!(
        output.stderr.matches("\nINIT_START ").count(),
        1,
        "{}",
        output.stderr
    );
}
