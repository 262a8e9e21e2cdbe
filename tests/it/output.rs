//! What goes where: the answer's own bytes, the log's lines, the figures.

use crate::support::{Project, redact};

#[test]
fn a_run_reads_like_this() {
    let project = Project::python(
        "import sys\nprint('loading')\ndef handler(event, context):\n    print('out')\n    print('err', file=sys.stderr)\n    return event\n",
    );
    let output = project
        .invoke_with_input(&["Hello", "--event", "-"], b"{\"a\": 1}")
        .success();
    assert_eq!(output.stdout, "{\"a\": 1}");
    insta::assert_snapshot!(redact(&output.stderr, &project), @"
    Reading invoke payload from stdin (you can also pass it from file with --event)
    Invoking app.handler (python3.11)
    Mounting [PROJECT]/src as /var/task:ro,delegated, inside runtime container
    SAM_CONTAINER_ID: [CONTAINER]
    INIT_START Runtime Version: python3.11	Runtime Image: public.ecr.aws/lambda/python:3.11-x86_64
    loading
    START RequestId: [ID] Version: $LATEST
    out
    err
    END RequestId: [ID]
    REPORT RequestId: [ID]	Duration: [N] ms	Billed Duration: [N] ms	Memory Size: [N] MB	Max Memory Used: [N] MB	Init Duration: [N] ms
    ");
}

#[test]
fn the_answer_is_the_runtime_s_bytes() {
    // Not even JSON, and not UTF-8.
    let script = "#!/bin/sh
while :; do
  id=$(curl -sD - -o /dev/null $AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next | sed -n 's/.*-request-id: //p' | tr -d '\\r')
  printf '1.50 \\377' | curl -s -o /dev/null --data-binary @- $AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response
done
";
    let project = Project::shell(&script.replace("curl", "python3 /var/task/curl.py"));
    let project = project.file("src/curl.py", CURL);
    let child = project.start(&[
        "Hello",
        "--invoke-image",
        "public.ecr.aws/lambda/python:3.11",
    ]);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.stdout, b"1.50 \xff", "{stderr}");
}

/// The few options of curl that the script above uses, for an image without it.
const CURL: &str = r"
import sys, http.client
arguments, url, data, head = sys.argv[1:], sys.argv[-1], None, False
if '--data-binary' in arguments:
    data = sys.stdin.buffer.read()
host, path = url.split('/', 1)
connection = http.client.HTTPConnection(host)
connection.request('POST' if data is not None else 'GET', '/' + path, data)
answer = connection.getresponse()
answer.read()
if '-sD' in arguments:
    print('\r\n'.join(f'{name}: {value}' for name, value in answer.getheaders()))
";

#[test]
fn the_log_file_takes_log_figures_and_answer() {
    let project =
        Project::python("def handler(event, context):\n    print('out')\n    return 'done'\n");
    let output = project.invoke(&["Hello", "-l", "run.log"]).success();
    assert_eq!(output.stdout, "");
    assert!(
        output.stderr.starts_with("Invoking app.handler") && !output.stderr.contains("START"),
        "{}",
        output.stderr
    );
    let log = redact(&project.read("run.log"), &project);
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "INIT_START Runtime Version: python3.11\tRuntime Image: public.ecr.aws/lambda/python:3.11-x86_64",
            "START RequestId: [ID] Version: $LATEST",
            "out",
            "END RequestId: [ID]"
        ]
    );
    assert!(
        lines[4].starts_with("REPORT") && lines[5] == "\"done\"",
        "{log}"
    );
}

#[test]
fn everything_that_was_written_before_the_answer_is_ahead_of_it() {
    let project = Project::provided();
    let event = br#"{"do": "log", "lines": 4000, "size": 100}"#;
    for transport in ["auto", "stdio"] {
        let output = project
            .invoke_with_input(&["Hello", "-e", "-", "--transport", transport], event)
            .success();
        let log = output
            .stderr
            .split("\nSTART")
            .nth(1)
            .unwrap()
            .split("END RequestId")
            .next()
            .unwrap();
        // A header line and 4,000 of the function; those of each stream in order.
        assert_eq!(log.lines().count() - 1, 4000, "{transport}");
    }
}

#[test]
fn a_streamed_answer_comes_as_it_is_written() {
    let project = Project::nodejs(
        "export const handler = awslambda.streamifyResponse(async (event, stream) => {
            for (const part of ['a', 'b', 'c']) { stream.write(part); await new Promise(r => setTimeout(r, 20)); }
            stream.end();
        });",
    );
    assert_eq!(project.invoke(&["Hello"]).success().stdout, "abc");
}

#[test]
fn a_streamed_answer_may_be_larger_than_another() {
    let project = Project::nodejs(
        "export const handler = awslambda.streamifyResponse(async (event, stream) => {
            stream = awslambda.HttpResponseStream.from(stream, {statusCode: 418});
            for (let n = 0; n < 300; n++) { if (!stream.write('x'.repeat(1 << 16))) await new Promise(r => stream.once('drain', r)); }
            stream.end();
        });",
    );
    let output = project.invoke(&["Hello"]).success();
    let (prelude, body) = output.stdout.split_once("\0\0\0\0\0\0\0\0").unwrap();
    assert_eq!((prelude, body.len()), ("{\"statusCode\":418}", 300 << 16));
}

#[test]
fn the_figures_are_measured() {
    let project = Project::python(
        "import time\ntime.sleep(0.3)\ndef handler(event, context):\n    time.sleep(0.2)\n    x = bytearray(60 << 20)\n    return len(x)\n",
    );
    let stderr = project.invoke(&["Hello"]).success().stderr;
    let report = stderr
        .lines()
        .find(|line| line.starts_with("REPORT"))
        .unwrap();
    let figure = |name: &str| -> f64 {
        let field = report
            .split('\t')
            .find_map(|field| field.strip_prefix(&format!("{name}: ")))
            .unwrap();
        field.split(' ').next().unwrap().parse().unwrap()
    };
    let (duration, init, billed) = (
        figure("Duration"),
        figure("Init Duration"),
        figure("Billed Duration"),
    );
    assert!(duration >= 200.0 && init >= 300.0, "{report}");
    assert!((duration + init - billed).abs() <= 1.0, "{report}");
    assert!(
        (60.0..=128.0).contains(&figure("Max Memory Used")),
        "{report}"
    );
}

#[test]
fn a_slow_reader_gets_all_of_the_answer() {
    let project = Project::python("def handler(event, context):\n    return 'x' * 3_000_000\n");
    let mut child = project.start(&["Hello"]);
    let mut stdout = child.stdout.take().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3));
    let mut answer = Vec::new();
    std::io::Read::read_to_end(&mut stdout, &mut answer).unwrap();
    assert_eq!(answer.len(), 3_000_002);
    project.finish(child).success();
}

#[test]
fn end_and_report_come_last_after_a_time_out_too() {
    let code = "import time\ndef handler(event, context):\n    n = 0\n    while True:\n        print('line', n)\n        n += 1\n";
    let project = Project::python(code).function("python3.11", "app.handler", 1);
    let output = project.invoke(&["Hello"]).success();
    let after = output.stderr.split("\nEND RequestId").nth(1).unwrap();
    assert!(!after.contains("line"), "{after}");
}

#[test]
fn the_platform_s_lines_are_json_where_the_function_is_configured_so() {
    let project = Project::python("def handler(event, context):\n    print('own')\n    return 1\n");
    let template = project.read("template.yaml")
        + "      LoggingConfig: {LogFormat: JSON, SystemLogLevel: DEBUG}\n";
    let project = project.file("template.yaml", &template);
    let output = project.invoke(&["Hello"]).success();
    let kinds: Vec<_> = output
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|line| Some(line["type"].as_str()?.to_owned()))
        .collect();
    assert_eq!(
        kinds,
        [
            "platform.initStart",
            "platform.initRuntimeDone",
            "platform.initReport",
            "platform.start",
            "platform.runtimeDone",
            "platform.report"
        ]
    );
    assert!(!output.stderr.contains("REPORT"), "{}", output.stderr);
}

#[test]
fn a_trace_that_is_sampled_is_told_and_reaches_the_function() {
    let code =
        "import os\ndef handler(event, context):\n    return os.environ['_X_AMZN_TRACE_ID']\n";
    let project = Project::python(code);
    let template = project.read("template.yaml");
    let output = project.invoke(&["Hello"]).success();
    let trace = output.json().as_str().unwrap().to_owned();
    assert!(
        trace.starts_with("Root=1-") && trace.ends_with(";Sampled=0"),
        "{trace}"
    );
    assert!(!output.stderr.contains("XRAY"), "{}", output.stderr);

    let serverless = template + "      Tracing: Active\n";
    let plain = serverless
        .replace("AWS::Serverless::Function", "AWS::Lambda::Function")
        .replace("CodeUri", "Code")
        .replace("Tracing: Active", "TracingConfig: {Mode: Active}");
    let project = project.file("plain.yaml", &plain);
    let output = project.invoke(&["Hello", "-t", "plain.yaml"]).success();
    assert!(output.stderr.contains("\nXRAY "), "{}", output.stderr);

    let project = project.file("template.yaml", &serverless);
    let output = project.invoke(&["Hello"]).success();
    let trace = output.json().as_str().unwrap().to_owned();
    let fields: Vec<_> = trace
        .split(';')
        .filter_map(|field| field.split_once('='))
        .collect();
    let [("Root", root), ("Parent", parent), ("Sampled", "1")] = fields[..] else {
        panic!("{trace}");
    };
    let line = format!("\nXRAY TraceId: {root}\tSegmentId: {parent}\tSampled: true\t\n");
    assert!(output.stderr.contains(&line), "{}", output.stderr);
}

#[test]
fn a_function_in_rust_streams_too() {
    let event = br#"{"do": "stream", "chunks": 3, "size": 4}"#;
    let output = Project::provided().invoke_with_input(&["Hello", "-e", "-"], event);
    let stdout = output.success().stdout;
    // Its client begins with a prelude that ends with eight zeros.
    assert_eq!(
        stdout.rsplit('\0').next(),
        Some("xxxxxxxxxxxx"),
        "{stdout:?}"
    );
}
