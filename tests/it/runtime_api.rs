//! The Runtime API against a scripted runtime, polite and rude, without an engine.

use std::time::Duration;

use sam_rs::channel::frame::{Exit, FromSandbox, ToSandbox};
use sam_rs::lambda::event::{Event, Failure};
use sam_rs::lambda::{Body, BodyEnd, Outcome};

use tokio::task::JoinHandle;

use crate::support::scripted::{Scripted, header, status};

const SECOND: Duration = Duration::from_secs(1);

fn whole(outcome: Option<Outcome>) -> String {
    match outcome {
        Some(Outcome::Success(response)) => match response.body {
            Body::Whole(bytes) => String::from_utf8(bytes.into()).unwrap(),
            Body::Stream(_) => panic!("streamed"),
        },
        other => panic!("{other:?}"),
    }
}

/// A runtime that has been given an invocation: the connection that it has, and the invocation's id.
async fn invoked(timeout: Duration) -> (Scripted, JoinHandle<Option<Outcome>>, u32, String) {
    let mut sandbox = Scripted::start(timeout).await;
    let outcome = sandbox.invoke("1");
    let runtime = sandbox.connect().await;
    let id = sandbox.next(runtime).await;
    (sandbox, outcome, runtime, id)
}

#[tokio::test]
async fn work_is_handed_out_and_the_answer_taken() {
    let mut sandbox = Scripted::start(SECOND).await;
    let outcome = sandbox.invoke("{\"a\": 1.0}");
    let runtime = sandbox.connect().await;
    let next = sandbox.request(runtime, "GET", "invocation/next", "").await;
    for line in [
        "content-type: application/json\r\n",
        "lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:123456789012:function:Scripted\r\n",
        "lambda-runtime-trace-id: Root=1-",
        "lambda-runtime-deadline-ms: ",
        "lambda-runtime-invocation-id: ",
    ] {
        assert!(next.contains(line), "{line} in {next}");
    }
    assert!(next.ends_with("\r\n\r\n{\"a\": 1.0}"), "{next}");
    assert!(
        !next.contains("client-context"),
        "no header without a value: {next}"
    );
    let id = header(&next, "lambda-runtime-aws-request-id");
    let answer = sandbox
        .request(
            runtime,
            "POST",
            &format!("invocation/{id}/response"),
            "{\"b\": 2.0}",
        )
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 202") && answer.ends_with("\r\n\r\n{\"status\":\"OK\"}\n"),
        "{answer}"
    );
    assert_eq!(whole(outcome.await.unwrap()), "{\"b\": 2.0}");
}

#[tokio::test]
async fn what_is_refused_does_not_end_the_invocation() {
    let (mut sandbox, outcome, runtime, id) = invoked(SECOND).await;
    let wrong = sandbox
        .request(runtime, "POST", "invocation/no-such-id/response", "0")
        .await;
    assert!(
        status(&wrong) == "400" && wrong.contains("\"errorType\":\"InvalidRequestID\""),
        "{wrong}"
    );
    let late = sandbox.request(runtime, "POST", "init/error", "{}").await;
    assert!(
        status(&late) == "403" && late.contains("InvalidStateTransition"),
        "{late}"
    );
    assert_eq!(
        status(&sandbox.request(runtime, "GET", "nowhere", "").await),
        "404"
    );
    assert_eq!(
        status(
            &sandbox
                .request(runtime, "POST", "invocation/next", "")
                .await
        ),
        "405"
    );
    let again = sandbox.request(runtime, "GET", "invocation/next", "").await;
    assert!(
        again.contains(&id),
        "the same event is shown again: {again}"
    );
    assert_eq!(status(&sandbox.respond(runtime, &id, "2").await), "202");
    let twice = sandbox.respond(runtime, &id, "3").await;
    assert_eq!(status(&twice), "400", "{twice}");
    assert_eq!(whole(outcome.await.unwrap()), "2");
}

#[tokio::test]
async fn a_stale_nonce_is_not_an_answer() {
    let (mut sandbox, outcome, runtime, id) = invoked(SECOND).await;
    let request = format!(
        "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nhost: x\r\nlambda-runtime-invocation-id: old\r\ncontent-length: 1\r\n\r\n9"
    );
    sandbox.send(runtime, request.as_bytes()).await;
    assert_eq!(status(&sandbox.receive(runtime).await), "410");
    sandbox.respond(runtime, &id, "1").await;
    assert_eq!(whole(outcome.await.unwrap()), "1");
}

#[tokio::test]
async fn half_a_body_is_a_truncated_answer() {
    let (mut sandbox, outcome, runtime, id) = invoked(SECOND).await;
    let half = format!(
        "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc"
    );
    sandbox.send(runtime, half.as_bytes()).await;
    sandbox
        .exit(
            &[runtime],
            Exit {
                status: Some(3),
                ..Exit::default()
            },
        )
        .await;
    let Some(Outcome::Crashed(error)) = sandbox.outcome_of(outcome).await else {
        panic!()
    };
    assert!(
        error.kind == "Runtime.ExitError" && error.message.ends_with("exit status 3"),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_error_that_was_posted_is_not_replaced_by_the_exit() {
    for route in ["init/error", "invocation/ID/error"] {
        let mut sandbox = Scripted::start(SECOND).await;
        let outcome = sandbox.invoke("1");
        let runtime = sandbox.connect().await;
        let path = if route.contains("ID") {
            route.replace("ID", &sandbox.next(runtime).await)
        } else {
            route.to_owned()
        };
        let body = "{\"errorType\":\"Mine\"}";
        let length = body.len();
        let text = format!(
            "POST /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        sandbox.send(runtime, text.as_bytes()).await;
        // No wait for the answer: the process is gone at once.
        sandbox
            .exit(
                &[runtime],
                Exit {
                    status: Some(1),
                    ..Exit::default()
                },
            )
            .await;
        let outcome = sandbox.outcome_of(outcome).await;
        let Some(Outcome::Error(document)) = outcome else {
            panic!("{route}: {outcome:?}")
        };
        assert_eq!(document, body);
    }
}

#[tokio::test]
async fn an_error_without_words_gets_the_service_s() {
    let (mut sandbox, outcome, runtime, id) = invoked(SECOND).await;
    sandbox
        .request(runtime, "POST", &format!("invocation/{id}/error"), "")
        .await;
    let Some(Outcome::Error(document)) = sandbox.outcome_of(outcome).await else {
        panic!()
    };
    assert_eq!(
        document,
        "{\"errorMessage\":\"Unknown application error occurred\",\"errorType\":\"Runtime.Unknown\"}"
    );
}

#[tokio::test]
async fn a_streamed_answer_with_a_failure_in_its_trailers() {
    let (mut sandbox, outcome, runtime, id) = invoked(SECOND).await;
    let head = format!(
        "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nhost: x\r\nlambda-runtime-function-response-mode: streaming\r\n\
         transfer-encoding: chunked\r\ntrailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n3\r\nabc\r\n"
    );
    sandbox.send(runtime, head.as_bytes()).await;
    let Some(Outcome::Success(mut response)) = sandbox.outcome_of(outcome).await else {
        panic!()
    };
    assert_eq!(response.body.next().await.unwrap(), "abc");
    let tail = "0\r\nLambda-Runtime-Function-Error-Type: Function.Broke\r\nLambda-Runtime-Function-Error-Body: e30=\r\n\r\n";
    sandbox.send(runtime, tail.as_bytes()).await;
    assert!(sandbox.receive(runtime).await.starts_with("HTTP/1.1 202"));
    let end = sandbox.end_of(response.body).await;
    assert!(format!("{end:?}").contains("Function.Broke"), "{end:?}");
}

/// A runtime that has begun to stream its answer.
async fn streaming(timeout: Duration) -> (Scripted, u32, Body) {
    let (mut sandbox, outcome, runtime, id) = invoked(timeout).await;
    let head = format!(
        "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nhost: x\r\n\
         lambda-runtime-function-response-mode: streaming\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"
    );
    sandbox.send(runtime, head.as_bytes()).await;
    let Some(Outcome::Success(response)) = sandbox.outcome_of(outcome).await else {
        panic!()
    };
    (sandbox, runtime, response.body)
}

#[tokio::test]
async fn a_stream_that_breaks_off_has_the_cause_for_its_end() {
    let (mut sandbox, runtime, body) = streaming(SECOND).await;
    sandbox
        .exit(
            &[runtime],
            Exit {
                status: Some(5),
                ..Exit::default()
            },
        )
        .await;
    let BodyEnd::Ended(outcome) = sandbox.end_of(body).await else {
        panic!()
    };
    assert!(
        matches!(&*outcome, Outcome::Crashed(error) if error.message.ends_with("exit status 5")),
        "{outcome:?}"
    );

    let (mut sandbox, _, body) = streaming(Duration::from_millis(50)).await;
    let BodyEnd::Ended(outcome) = sandbox.end_of(body).await else {
        panic!()
    };
    assert!(matches!(*outcome, Outcome::TimedOut { .. }), "{outcome:?}");

    let (mut sandbox, runtime, body) = streaming(SECOND).await;
    sandbox
        .say(&FromSandbox::Close {
            stream: runtime,
            both: true,
        })
        .await;
    let BodyEnd::Ended(outcome) = sandbox.end_of(body).await else {
        panic!()
    };
    assert!(
        matches!(&*outcome, Outcome::Crashed(error) if error.kind == "Runtime.TruncatedResponse"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_answer_that_is_whole_after_the_time_is_none() {
    let (mut sandbox, runtime, body) = streaming(Duration::from_millis(50)).await;
    while !matches!(sandbox.hear().await, ToSandbox::Signal { .. }) {}
    sandbox.send(runtime, b"0\r\n\r\n").await;
    let late = sandbox.receive(runtime).await;
    assert_eq!(status(&late), "410", "{late}");
    let BodyEnd::Ended(outcome) = sandbox.end_of(body).await else {
        panic!()
    };
    assert!(matches!(*outcome, Outcome::TimedOut { .. }), "{outcome:?}");
}

#[tokio::test]
async fn an_unknown_response_mode_ends_the_invocation() {
    let (mut sandbox, outcome, runtime, id) = invoked(SECOND).await;
    let request = format!(
        "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nhost: x\r\n\
         lambda-runtime-function-response-mode: loud\r\ncontent-length: 1\r\n\r\n9"
    );
    sandbox.send(runtime, request.as_bytes()).await;
    let answer = sandbox.receive(runtime).await;
    assert!(
        status(&answer) == "400" && answer.contains("InvalidFunctionResponseMode"),
        "{answer}"
    );
    let Some(Outcome::Crashed(error)) = sandbox.outcome_of(outcome).await else {
        panic!()
    };
    assert_eq!(error.kind, "Runtime.InvalidResponseModeHeader");
}

#[tokio::test]
async fn a_death_after_the_answer_is_not_charged_to_the_next_invocation() {
    let (mut sandbox, outcome, runtime, id) = invoked(SECOND).await;
    let text = format!(
        "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n1"
    );
    sandbox.send(runtime, text.as_bytes()).await;
    sandbox
        .exit(
            &[runtime],
            Exit {
                status: Some(1),
                ..Exit::default()
            },
        )
        .await;
    assert_eq!(whole(sandbox.outcome_of(outcome).await), "1");
    let second = sandbox.invoke("2");
    sandbox.expect_spawn().await;
    let runtime = sandbox.connect().await;
    let id = sandbox.next(runtime).await;
    sandbox.respond(runtime, &id, "2").await;
    assert_eq!(whole(second.await.unwrap()), "2");
}

#[tokio::test]
async fn a_time_out_is_told_and_the_next_invocation_gets_a_new_process() {
    let mut sandbox = Scripted::start(Duration::from_millis(50)).await;
    let outcome = sandbox.invoke("1");
    let runtime = sandbox.connect().await;
    sandbox.next(runtime).await;
    let Some(Outcome::TimedOut { error, .. }) = sandbox.outcome_of(outcome).await else {
        panic!()
    };
    assert!(
        error.message.ends_with("Task timed out after 0.05 seconds"),
        "{error:?}"
    );
    let second = sandbox.invoke("2");
    sandbox.expect_spawn().await;
    let runtime = sandbox.connect().await;
    let id = sandbox.next(runtime).await;
    sandbox.respond(runtime, &id, "2").await;
    sandbox.park(runtime).await;
    assert_eq!(whole(sandbox.outcome_of(second).await), "2");
    let mut failures = Vec::new();
    while let Ok(event) = sandbox.event_rx.try_recv() {
        if let Event::Finished(report) = event {
            failures.push(report.failure);
        }
    }
    assert_eq!(failures, [Some(Failure::Timeout), None]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_passed_on_while_the_function_is_still_at_work() {
    let mut sandbox = Scripted::start(Duration::from_secs(3)).await;
    let outcome = sandbox.invoke("1");
    let runtime = sandbox.connect().await;
    let id = sandbox.next(runtime).await;
    sandbox.respond(runtime, &id, "1").await;
    assert_eq!(whole(sandbox.outcome_of(outcome).await), "1");
    assert_eq!(sandbox.reports(), []);
    // The next one waits until the runtime asks for it.
    let second = sandbox.invoke("2");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!second.is_finished());
    let again = sandbox.next(runtime).await;
    assert_ne!(id, again);
    let reports = sandbox.reports();
    assert_eq!(reports.len(), 1);
    assert!(reports[0].duration >= Duration::from_secs(2));
    sandbox.respond(runtime, &again, "2").await;
    assert_eq!(whole(sandbox.outcome_of(second).await), "2");
}

#[tokio::test(start_paused = true)]
async fn work_after_the_answer_ends_with_the_time_and_the_answer_stands() {
    let mut sandbox = Scripted::start(Duration::from_secs(3)).await;
    let outcome = sandbox.invoke("1");
    let runtime = sandbox.connect().await;
    let id = sandbox.next(runtime).await;
    sandbox.respond(runtime, &id, "1").await;
    assert_eq!(whole(sandbox.outcome_of(outcome).await), "1");
    let second = sandbox.invoke("2");
    sandbox.expect_spawn().await;
    let reports = sandbox.reports();
    assert_eq!(reports[0].failure, Some(Failure::Timeout));
    let runtime = sandbox.connect().await;
    let id = sandbox.next(runtime).await;
    sandbox.respond(runtime, &id, "2").await;
    assert_eq!(whole(sandbox.outcome_of(second).await), "2");
}
