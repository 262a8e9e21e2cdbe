//! Extensions that are part of the runtime's process, against a scripted runtime.

use std::time::Duration;

use sam_rs::channel::frame::ToSandbox;
use sam_rs::lambda::Outcome;

use crate::support::scripted::{Scripted, header, status};

const REGISTER: &str = "POST /2020-01-01/extension/register";
const EVENT: &str = "GET /2020-01-01/extension/event/next";

/// Registers an extension and returns its id.
async fn register(sandbox: &mut Scripted, name: &str, events: &str) -> String {
    let stream = sandbox.connect().await;
    let head = format!("Lambda-Extension-Name: {name}");
    let body = format!("{{\"events\": {events}}}");
    let answer = sandbox.call(stream, REGISTER, &head, &body).await;
    assert_eq!(status(&answer), "200", "{answer}");
    let told = "{\"functionName\":\"Scripted\",\"functionVersion\":\"$LATEST\",\"handler\":\"app.handler\"}";
    assert!(answer.ends_with(told), "{answer}");
    header(&answer, "lambda-extension-identifier")
}

/// Asks for an event that there is none of yet.
async fn park(sandbox: &mut Scripted, id: &str) -> u32 {
    let stream = sandbox.connect().await;
    let text = format!("{EVENT} HTTP/1.1\r\nhost: x\r\nlambda-extension-identifier: {id}\r\n\r\n");
    sandbox.send(stream, text.as_bytes()).await;
    stream
}

#[tokio::test]
async fn an_extension_is_told_of_the_invocation_and_is_part_of_it() {
    let mut sandbox = Scripted::start(Duration::from_secs(5)).await;
    let extension = register(&mut sandbox, "inside", "[\"INVOKE\"]").await;
    let outcome = sandbox.invoke("1");
    let runtime = sandbox.connect().await;
    sandbox.park(runtime).await;
    let waiting = park(&mut sandbox, &extension).await;
    let next = sandbox.receive(runtime).await;
    let event = sandbox.receive(waiting).await;
    let id = header(&next, "lambda-runtime-aws-request-id");
    let deadline = header(&next, "lambda-runtime-deadline-ms");
    let trace = header(&next, "lambda-runtime-trace-id");
    let body: serde_json::Value =
        serde_json::from_str(event.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(
        body,
        serde_json::json!({
            "eventType": "INVOKE",
            "deadlineMs": deadline.parse::<u64>().unwrap(),
            "requestId": id,
            "invokedFunctionArn": header(&next, "lambda-runtime-invoked-function-arn"),
            "tracing": {"type": "X-Amzn-Trace-Id", "value": trace},
        })
    );
    sandbox.respond(runtime, &id, "1").await;
    sandbox.park(runtime).await;
    let outcome = sandbox.outcome_of(outcome).await;
    assert!(matches!(outcome, Some(Outcome::Success(_))));
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(sandbox.reports().is_empty(), "the extension is at work");
    park(&mut sandbox, &extension).await;
    let second = sandbox.invoke("2");
    let next = sandbox.receive(runtime).await;
    let id = header(&next, "lambda-runtime-aws-request-id");
    assert_eq!(sandbox.reports().len(), 1);
    sandbox.respond(runtime, &id, "2").await;
    sandbox.outcome_of(second).await.unwrap();
}

#[tokio::test]
async fn initialisation_lasts_until_every_extension_is_ready() {
    let mut sandbox = Scripted::start(Duration::from_secs(5)).await;
    // As Go's runtime does it: registered for nothing, and it asks all the same.
    let extension = register(&mut sandbox, "GoLangEnableSIGTERM", "null").await;
    let _outcome = sandbox.invoke("1");
    let runtime = sandbox.connect().await;
    sandbox.park(runtime).await;
    let late = sandbox.connect().await;
    let refused = sandbox
        .call(late, REGISTER, "Lambda-Extension-Name: late", "{}")
        .await;
    assert_eq!(status(&refused), "403");
    assert!(
        refused.contains("Extension.RegistrationClosed"),
        "{refused}"
    );
    assert!(!sandbox.has_started(), "an extension is not ready");
    park(&mut sandbox, &extension).await;
    assert_eq!(status(&sandbox.receive(runtime).await), "200");
}

#[tokio::test]
async fn an_extension_that_fails_ends_the_invocation() {
    let mut sandbox = Scripted::start(Duration::from_secs(5)).await;
    let extension = register(&mut sandbox, "inside", "[]").await;
    let outcome = sandbox.invoke("1");
    park(&mut sandbox, &extension).await;
    let runtime = sandbox.connect().await;
    sandbox.next(runtime).await;
    let stream = sandbox.connect().await;
    let path = "POST /2020-01-01/extension/exit/error";
    let known = format!("lambda-extension-identifier: {extension}");
    let missing = sandbox.call(stream, path, &known, "{}").await;
    assert!(missing.contains("Extension.MissingHeader"), "{missing}");
    let head = format!("{known}\r\nlambda-extension-function-error-type: Extension.Broken");
    let answer = sandbox.call(stream, path, &head, "{}").await;
    assert_eq!(status(&answer), "202");
    let Some(Outcome::Crashed(error)) = sandbox.outcome_of(outcome).await else {
        panic!()
    };
    assert_eq!(error.kind, "Extension.Broken");
    assert!(
        error.message.ends_with("Error: extension inside failed"),
        "{error:?}"
    );
}

#[tokio::test]
async fn calls_of_nobody_are_refused() {
    let mut sandbox = Scripted::start(Duration::from_secs(5)).await;
    let stream = sandbox.connect().await;
    let unknown = format!("lambda-extension-identifier: {}", uuid::Uuid::new_v4());
    for (head, kind) in [
        ("x: y", "Extension.MissingExtensionIdentifier"),
        (
            "lambda-extension-identifier: 1",
            "Extension.InvalidExtensionIdentifier",
        ),
        (unknown.as_str(), "Extension.UnknownExtensionIdentifier"),
    ] {
        let answer = sandbox.call(stream, EVENT, head, "").await;
        assert!(
            status(&answer) == "403" && answer.contains(kind),
            "{answer}"
        );
    }
    for body in ["no", "{\"events\": [], \"configurationKeys\": [1]}"] {
        let answer = sandbox
            .call(stream, REGISTER, "lambda-extension-name: a", body)
            .await;
        assert!(answer.contains("InvalidRequestFormat"), "{answer}");
    }
}

#[tokio::test]
async fn subscriptions_are_told_that_they_run_locally() {
    let mut sandbox = Scripted::start(Duration::from_secs(5)).await;
    let stream = sandbox.connect().await;
    for (path, api) in [
        ("/2022-07-01/telemetry", "Telemetry"),
        ("/2022-07-01/telemetry/", "Telemetry"),
        ("/2020-08-15/logs", "Logs"),
    ] {
        let answer = sandbox
            .call(stream, &format!("PUT {path}"), "x: y", "{}")
            .await;
        let body = format!(
            "{{\"errorMessage\":\"{api} API is not supported\",\"errorType\":\"{api}.NotSupported\"}}\n"
        );
        assert!(
            status(&answer) == "202" && answer.ends_with(&body),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_runtime_with_extensions_is_asked_to_end() {
    let mut sandbox = Scripted::start(Duration::from_secs(5)).await;
    register(&mut sandbox, "inside", "[]").await;
    sandbox.stop();
    let asked = loop {
        if let ToSandbox::Finish(millis) = sandbox.hear().await {
            break millis;
        }
    };
    assert_eq!(asked, 500);
}
