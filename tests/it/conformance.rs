//! What the page on conformance promises and no other test shows; and that every test that it names is there.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sam_rs::channel::frame::{Exit, FromSandbox};
use sam_rs::lambda::event::Failure;
use sam_rs::lambda::{BodyEnd, Outcome};
use sam_rs::runtime_api;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::support::scripted::{Scripted, header, status};
use crate::support::{Project, root};

const MINUTE: Duration = Duration::from_mins(1);
const PREFIX: &str = "/2018-06-01/runtime";

#[test]
fn every_test_that_the_page_names_is_there() {
    let page = fs::read_to_string(root().join("src/conformance.md")).unwrap();
    let mut named = 0;
    for row in page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| what"))
    {
        let shown = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let tests: Vec<_> = shown.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test shows: {row}");
        for test in tests {
            let (module, name) = test.rsplit_once("::").unwrap();
            let files = match module.strip_suffix("::tests") {
                Some(module) => {
                    let path = module.replace("::", "/");
                    vec![format!("src/{path}.rs"), format!("src/{path}/mod.rs")]
                }
                None => vec![format!("tests/it/{module}.rs")],
            };
            let there = |file: &String| {
                let text = fs::read_to_string(root().join(file)).unwrap_or_default();
                text.contains(&format!("fn {name}("))
            };
            assert!(files.iter().any(there), "{test} is not there");
            named += 1;
        }
    }
    assert!(named > 200, "{named} tests are named");
}

/// A sandbox with an invocation under way: the runtime's connection, the answer to its call for work, and the id.
async fn invoked() -> (Scripted, u32, String, String) {
    let mut sandbox = Scripted::start(MINUTE).await;
    drop(sandbox.invoke("1"));
    let runtime = sandbox.connect().await;
    sandbox.park(runtime).await;
    let next = sandbox.receive(runtime).await;
    let id = header(&next, "lambda-runtime-aws-request-id");
    (sandbox, runtime, next, id)
}

#[tokio::test]
async fn answers_have_the_documented_words() {
    let (mut sandbox, runtime, _, id) = invoked().await;
    let wrong = "invocation/no-such-id/response";
    let twice = format!("{PREFIX}/invocation/{id}/response");
    for (call, head, expected, media) in [
        (
            "GET /nothing".to_owned(),
            "x: y",
            "404 page not found",
            "text/plain; charset=utf-8",
        ),
        (
            format!("GET {twice}"),
            "x: y",
            "",
            "text/plain; charset=utf-8",
        ),
        (
            "POST /2018-06-01/runtime/restore/error".to_owned(),
            "x: y",
            "404 page not found",
            "text/plain; charset=utf-8",
        ),
        (
            "GET /2021-04-23/credentials".to_owned(),
            "x: y",
            "404 page not found",
            "text/plain; charset=utf-8",
        ),
        (
            format!("POST {PREFIX}/{wrong}"),
            "x: y",
            "{\"errorMessage\":\"Invalid request ID\",\"errorType\":\"InvalidRequestID\"}\n",
            "application/json",
        ),
        (
            format!("POST {PREFIX}/init/error"),
            "x: y",
            "{\"errorMessage\":\"State transition from Running to InitError failed for runtime. Error: State transition is \
             not allowed\",\"errorType\":\"InvalidStateTransition\"}\n",
            "application/json",
        ),
        (
            format!("POST {twice}"),
            "lambda-runtime-invocation-id: other",
            "{\"errorMessage\":\"Invoke timeout\",\"errorType\":\"InvokeTimeout\"}\n",
            "application/json",
        ),
        (
            format!("POST {PREFIX}/invocation/{id}/error"),
            "x: y",
            "{\"status\":\"OK\"}\n",
            "application/json",
        ),
    ] {
        let answer = sandbox.call(runtime, &call, head, "").await;
        assert_eq!(answer.split_once("\r\n\r\n").unwrap().1, expected, "{call}");
        assert_eq!(header(&answer, "content-type"), media, "{call}");
    }
}

#[tokio::test]
async fn an_error_of_the_initialisation_is_accepted() {
    let mut sandbox = Scripted::start(MINUTE).await;
    let runtime = sandbox.connect().await;
    let answer = sandbox.request(runtime, "POST", "init/error", "{}").await;
    assert_eq!(status(&answer), "202");
    assert!(answer.ends_with("{\"status\":\"OK\"}\n"), "{answer}");
}

#[tokio::test]
async fn a_runtime_is_told_when_and_what() {
    let (mut sandbox, runtime, next, id) = invoked().await;
    assert!(
        uuid::Uuid::parse_str(&id).is_ok() && id == id.to_lowercase(),
        "{id}"
    );
    let deadline: u128 = header(&next, "lambda-runtime-deadline-ms").parse().unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let left = deadline - now;
    assert!((50_000..=60_000).contains(&left), "{left} ms are left");
    let nonce = header(&next, "lambda-runtime-invocation-id");
    sandbox.respond(runtime, &id, "1").await;
    drop(sandbox.invoke("2"));
    sandbox.park(runtime).await;
    let second = sandbox.receive(runtime).await;
    assert_ne!(header(&second, "lambda-runtime-invocation-id"), nonce);
}

#[tokio::test(start_paused = true)]
async fn a_call_for_work_waits_for_days() {
    let mut sandbox = Scripted::start(MINUTE).await;
    let runtime = sandbox.connect().await;
    sandbox.park(runtime).await;
    tokio::time::sleep(Duration::from_hours(72)).await;
    drop(sandbox.invoke("1"));
    assert_eq!(status(&sandbox.receive(runtime).await), "200");
}

#[tokio::test]
async fn an_error_keeps_its_document_and_gets_words_where_it_has_none() {
    for (head, body, expected) in [
        (
            "lambda-runtime-function-error-type: Function.Other",
            "{\"errorType\": \"Own\"}",
            "{\"errorType\": \"Own\"}",
        ),
        (
            "lambda-runtime-function-error-type: Function.Mine",
            "",
            "{\"errorMessage\":\"Unknown application error occurred\",\"errorType\":\"Function.Mine\"}",
        ),
    ] {
        let mut sandbox = Scripted::start(MINUTE).await;
        let outcome = sandbox.invoke("1");
        let runtime = sandbox.connect().await;
        let id = sandbox.next(runtime).await;
        let call = format!("POST {PREFIX}/invocation/{id}/error");
        assert_eq!(
            status(&sandbox.call(runtime, &call, head, body).await),
            "202"
        );
        match sandbox.outcome_of(outcome).await {
            Some(Outcome::Error(document)) => assert_eq!(document, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_streamed_answer_is_taken_at_its_end_and_as_it_is() {
    let mut sandbox = Scripted::start(MINUTE).await;
    let outcome = sandbox.invoke("1");
    let runtime = sandbox.connect().await;
    let id = sandbox.next(runtime).await;
    let head = format!(
        "POST {PREFIX}/invocation/{id}/response HTTP/1.1\r\nhost: x\r\nlambda-runtime-function-response-mode: Streaming\r\n\
         content-type: application/vnd.awslambda.http-integration-response\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    sandbox.send(runtime, head.as_bytes()).await;
    let prelude = b"{\"statusCode\":201}\0\0\0\0\0\0\0\0body";
    let chunk = [b"1e\r\n".as_slice(), prelude, b"\r\n"].concat();
    sandbox.send(runtime, &chunk).await;
    let Some(Outcome::Success(mut response)) = sandbox.outcome_of(outcome).await else {
        panic!()
    };
    let media = "application/vnd.awslambda.http-integration-response";
    assert_eq!(response.content_type.as_deref(), Some(media));
    assert_eq!(response.body.next().await.unwrap(), &prelude[..]);
    let early = tokio::time::timeout(Duration::from_millis(50), sandbox.receive(runtime)).await;
    assert!(early.is_err(), "nothing is said before the end");
    sandbox.send(runtime, b"0\r\n\r\n").await;
    assert_eq!(status(&sandbox.receive(runtime).await), "202");
    sandbox.park(runtime).await;
    assert!(matches!(
        sandbox.end_of(response.body).await,
        BodyEnd::Complete
    ));
}

#[tokio::test]
async fn half_a_body_is_refused_where_that_can_be_told() {
    let (mut sandbox, runtime, _, id) = invoked().await;
    let half = format!(
        "POST {PREFIX}/invocation/{id}/error HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf"
    );
    sandbox.send(runtime, half.as_bytes()).await;
    let close = FromSandbox::Close {
        stream: runtime,
        both: false,
    };
    sandbox.say(&close).await;
    let answer = sandbox.receive(runtime).await;
    let expected = "{\"errorMessage\":\"HTTP request detected as truncated\",\"errorType\":\"TruncatedHTTPRequest\"}\n";
    assert!(
        status(&answer) == "400" && answer.ends_with(expected),
        "{answer}"
    );
}

#[tokio::test]
async fn where_nobody_is_any_more_the_answer_is_500() {
    let (client, server) = tokio::io::duplex(1024);
    let (call_tx, call_rx) = mpsc::unbounded_channel();
    drop(call_rx);
    tokio::spawn(runtime_api::serve(
        server,
        Arc::new(AtomicBool::new(false)),
        call_tx,
    ));
    let (mut reader, mut writer) = tokio::io::split(client);
    let call = format!("GET {PREFIX}/invocation/next HTTP/1.1\r\nhost: x\r\n\r\n");
    writer.write_all(call.as_bytes()).await.unwrap();
    writer.shutdown().await.unwrap();
    let mut answer = String::new();
    reader.read_to_string(&mut answer).await.unwrap();
    let expected =
        "{\"errorMessage\":\"Internal Server Error\",\"errorType\":\"InternalServerError\"}\n";
    assert!(
        status(&answer) == "500" && answer.ends_with(expected),
        "{answer}"
    );
}

#[tokio::test]
async fn a_sandbox_that_is_gone_is_reported() {
    let mut sandbox = Scripted::start(MINUTE).await;
    let outcome = sandbox.invoke("1");
    let runtime = sandbox.connect().await;
    sandbox.next(runtime).await;
    sandbox.exit(&[], Exit::default()).await;
    sandbox.break_off();
    assert!(matches!(outcome.await.unwrap(), Some(Outcome::Lost(_))));
    let failure = sandbox.reports().remove(0).failure;
    assert_eq!(failure, Some(Failure::Error("Sandbox.Failure".to_owned())));
}

#[test]
fn a_function_sees_the_service_s_surroundings() {
    let code = "import os\ndef handler(event, context):\n    open('/elsewhere', 'w').close()\n    \
                names = ['AWS_LAMBDA_INITIALIZATION_TYPE', 'AWS_LAMBDA_LOG_STREAM_NAME', 'AWS_SECRET_ACCESS_KEY', \
                'AWS_LAMBDA_FUNCTION_HANDLER', 'AWS_LAMBDA_LOG_LEVEL', 'AWS_LAMBDA_MAX_CONCURRENCY', \
                'AWS_LAMBDA_FUNCTION_VERSION']\n    \
                return [os.getcwd()] + [os.environ.get(name) for name in names]\n";
    let project = Project::python(code);
    let template = project.read("template.yaml");
    let seen = |project: &Project| {
        let output = project.invoke(&["Hello"]).success();
        let json = output.stdout.lines().last().unwrap().to_owned();
        serde_json::from_str::<serde_json::Value>(&json).unwrap()
    };
    let expected = serde_json::json!([
        "/var/task",
        "on-demand",
        "$LATEST",
        "defaultsecret",
        "app.handler",
        null,
        null,
        "$LATEST"
    ]);
    assert_eq!(seen(&project), expected);
    let more = "      LoggingConfig: {LogFormat: JSON}\n      CapacityProviderConfig: {Arn: x}\n      \
                Environment: {Variables: {AWS_LAMBDA_FUNCTION_VERSION: '7'}}\n";
    let seen = seen(&project.file("template.yaml", &(template + more)));
    assert_eq!(
        (&seen[1], &seen[5], &seen[6], &seen[7]),
        (
            &"lambda-managed-instances".into(),
            &"INFO".into(),
            &"4".into(),
            &"7".into()
        )
    );
}
