//! A runtime client with bad manners, in a real sandbox: whatever it does, each event has its answer.

use serde_json::{Value, json};

use crate::support::{Output, Project, root};

/// Runs the client with one event after another in one sandbox.
fn rude(events: &[&str]) -> (Vec<Value>, Output) {
    let script = std::fs::read_to_string(root().join("testdata/functions/rude/bootstrap")).unwrap();
    let mut project = Project::shell(&script);
    let image = "public.ecr.aws/lambda/python:3.11";
    let mut arguments = vec!["Hello", "--invoke-image", image, "--output", "json"];
    for event in events {
        project = project.file(event, &json!(event).to_string());
        arguments.extend(["-e", event]);
    }
    let output = project.invoke(&arguments).success();
    let answers = output.json_lines();
    assert_eq!(answers.len(), events.len(), "{}", output.stderr);
    (answers, output)
}

/// The answer to one event.
fn answer(event: &str) -> Value {
    let (answers, output) = rude(&[event]);
    assert_eq!(answers[0]["status"], "success", "{}", output.stderr);
    answers[0]["payload"].clone()
}

#[test]
fn thousands_of_headers_are_read() {
    // Above what any runtime sends, a request is refused and its connection only.
    assert_eq!(answer("many_headers"), json!({"refused": 431}));
}

#[test]
fn a_header_above_a_megabyte_is_read() {
    let (answers, _) = rude(&["large_header"]);
    assert_eq!(answers[0]["payload"]["errorType"], "Big");
    assert_eq!(answers[0]["status"], "error");
}

#[test]
fn trailers_of_a_megabyte_are_read() {
    let (answers, output) = rude(&["large_trailers"]);
    assert_eq!(answers[0]["payload"], "\"begun", "{}", output.stderr);
    assert!(
        output.stderr.contains("\nFunction.Late: "),
        "its words are shown"
    );
    assert!(output.stderr.contains("AAAA"));
}

#[test]
fn a_client_that_waits_for_leave_gets_it() {
    assert_eq!(answer("expect"), true);
}

#[test]
fn requests_that_do_not_wait_for_each_other_are_answered_in_order() {
    assert_eq!(answer("pipelining"), "piped");
}

#[test]
fn ten_connections_are_served_at_once() {
    assert_eq!(answer("connections"), json!(vec!["pong"; 10]));
}

#[test]
fn an_answer_may_come_byte_by_byte() {
    assert_eq!(answer("slow"), "x".repeat(300));
}

#[test]
fn an_answer_of_the_largest_size_is_taken() {
    assert_eq!(answer("largest").as_str().unwrap().len(), 6_291_554);
}

#[test]
fn calls_out_of_order_are_refused_and_harm_nothing() {
    let statuses = [400, 400, 403, 405, 405, 405, 404, 404];
    assert_eq!(answer("out_of_order"), json!(statuses));
}

#[test]
fn what_is_not_http_ends_its_connection_only() {
    assert_eq!(answer("garbage"), json!([400, 400, 400, 400]));
}

#[test]
fn after_each_of_them_the_next_invocation_works() {
    let (answers, output) = rude(&[
        "half_a_body",
        "too_large",
        "too_large_error",
        "out_of_order",
        "garbage",
        "connections",
        "expect",
    ]);
    assert_eq!(
        answers[0]["payload"]["errorType"],
        "Runtime.TruncatedResponse"
    );
    assert_eq!(
        answers[1]["payload"]["errorType"],
        "Function.ResponseSizeTooLarge"
    );
    assert_eq!(answers[2]["payload"], answers[1]["payload"]);
    let told = "\"errorMessage\":\"Exceeded maximum allowed payload size (6291556 bytes).\"";
    assert!(output.stderr.contains(told), "{}", output.stderr);
    for answer in &answers[3..] {
        assert_eq!(answer["status"], "success", "{answer}");
    }
}
