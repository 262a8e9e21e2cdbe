//! Events that nobody waits for: handled in the background, tried again when the function fails, and passed on with what
//! became of them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Boxed, Invoked, Invoker, Refused};
use crate::function::Function;
use crate::lambda::platform::timestamp;
use crate::lambda::{Body, Invocation, LATEST, MAX_RESPONSE, Outcome};

/// How long is waited before the second try, and twice as long before the third. The service waits minutes.
const PAUSE: Duration = Duration::from_secs(1);
/// How long is waited for a sandbox when there are as many as there may be.
const BUSY: Duration = Duration::from_millis(200);

/// Whoever knows where events go afterwards.
pub trait Destinations: Send + Sync {
    /// The function that a name means.
    fn function(&self, arn: &str) -> Option<Arc<Function>>;
}

/// What became of an event.
struct Handled {
    /// Whether the function failed.
    failed: bool,
    payload: Bytes,
}

/// What a try came to.
enum Tried {
    Handled(Handled),
    /// The event has become too old while it waited for a sandbox.
    TooOld,
}

impl Invoker {
    /// Takes an event. It is handled beside everything else.
    pub fn enqueue(
        &self,
        function: &Arc<Function>,
        invocation: Invocation,
        destinations: Arc<dyn Destinations>,
    ) {
        let (invoker, function) = (self.clone(), Arc::clone(function));
        self.shared.metrics.queued(&function.path, true);
        self.track(async move {
            let path = function.path.clone();
            let id = invocation.request_id.clone();
            if invoker
                .handle(&function, invocation, destinations)
                .await
                .is_none()
            {
                invoker.shared.events.warn(format!(
                    "the event {id} of {path} is not handled any more: the service ends"
                ));
            }
            invoker.shared.metrics.queued(&path, false);
        });
    }

    /// None where the service ends before it is done.
    fn handle<'a>(
        &'a self,
        function: &'a Arc<Function>,
        invocation: Invocation,
        destinations: Arc<dyn Destinations>,
    ) -> Boxed<'a, Option<()>> {
        Box::pin(async move {
            let config = &function.asynchronous;
            let begun = tokio::time::Instant::now();
            let (mut tries, mut last) = (0, None);
            let (condition, handled) = loop {
                match self.once(function, invocation.clone(), begun).await? {
                    Tried::TooOld => break ("EventAgeExceeded", last),
                    Tried::Handled(handled) if !handled.failed => {
                        tries += 1;
                        break ("Success", Some(handled));
                    }
                    Tried::Handled(handled) => last = Some(handled),
                }
                tries += 1;
                if tries > config.retries {
                    break ("RetriesExhausted", last);
                }
                let pause = PAUSE * tries;
                self.shared.events.note(format!(
                    "the event {} of {} failed, it is tried again in {} s",
                    invocation.request_id,
                    function.path,
                    pause.as_secs()
                ));
                self.pause(pause).await?;
            };
            let success = condition == "Success";
            let destination = if success {
                config.on_success.as_ref()
            } else {
                config.on_failure.as_ref()
            };
            let letters = config.dead_letters.as_ref().filter(|_| !success);
            let id = &invocation.request_id;
            if let Some(arn) = letters {
                let payload = String::from_utf8_lossy(&invocation.payload);
                let text = format!("the event {id} goes to {arn} in the service: {payload}");
                self.shared.events.note(text);
            }
            if let Some(arn) = destination {
                let record = record(function, &invocation, (condition, tries), handled.as_ref());
                self.pass_on(arn, &record, destinations);
            } else if !success && letters.is_none() {
                let text = format!(
                    "the event {id} of {} was given up: {condition}",
                    function.path
                );
                self.shared.events.warn(text);
            }
            Some(())
        })
    }

    /// None where the service ends meanwhile.
    async fn pause(&self, pause: Duration) -> Option<()> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Some(()),
            () = self.shared.ending.cancelled() => None,
        }
    }

    /// Handles an event once; none where the service ends before it is begun.
    async fn once(
        &self,
        function: &Arc<Function>,
        invocation: Invocation,
        begun: tokio::time::Instant,
    ) -> Option<Tried> {
        loop {
            if begun.elapsed() > function.asynchronous.max_age {
                return Some(Tried::TooOld);
            }
            if self.shared.ending.is_cancelled() {
                return None;
            }
            match self.invoke(function, invocation.clone()).await {
                Ok(invoked) => return Some(Tried::Handled(handled(invoked).await)),
                Err(Refused::Throttled { .. }) => self.pause(BUSY).await?,
                Err(Refused::Abandoned) => return None,
                Err(Refused::Failed(_)) if self.shared.ending.is_cancelled() => return None,
                Err(Refused::Failed(reason)) => {
                    let text = format!(
                        "Async invocation failed for function {}: {reason}",
                        function.path
                    );
                    self.shared.events.warn(text);
                    return Some(Tried::Handled(Handled {
                        failed: true,
                        payload: Bytes::new(),
                    }));
                }
            }
        }
    }

    /// Passes a record on to a function of the template; what is elsewhere is told of.
    fn pass_on(&self, arn: &str, record: &Value, destinations: Arc<dyn Destinations>) {
        if let Some(function) = destinations.function(arn) {
            let invocation = Invocation::json(record.to_string().into());
            self.enqueue(&function, invocation, destinations);
        } else {
            let text = format!("the destination {arn} is in the service, and would get: {record}");
            self.shared.events.note(text);
        }
    }
}

async fn handled(invoked: Invoked) -> Handled {
    let failed = !matches!(invoked.outcome, Outcome::Success(_));
    let (mut payload, mut failed) = match invoked.outcome {
        Outcome::Success(response) => (response.body, failed),
        Outcome::Error(document) => (Body::Whole(document), failed),
        other => {
            let error = other
                .platform_error()
                .map(crate::lambda::FunctionError::to_json);
            (Body::Whole(error.unwrap_or_default()), failed)
        }
    };
    let mut whole = Vec::new();
    loop {
        match payload.next().await {
            // A record has no use for more; the function goes on.
            Ok(chunk) if whole.len() < MAX_RESPONSE => whole.extend_from_slice(&chunk),
            Ok(_) => {}
            Err(crate::lambda::BodyEnd::Complete) => break,
            Err(_) => {
                failed = true;
                break;
            }
        }
    }
    let _ = invoked.settled.await;
    Handled {
        failed,
        payload: whole.into(),
    }
}

/// What a destination is told:
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>.
fn record(
    function: &Function,
    invocation: &Invocation,
    (condition, tries): (&str, u32),
    handled: Option<&Handled>,
) -> Value {
    let parsed = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap_or_default();
    let arn = format!("{}:{LATEST}", function.arn.as_str());
    let mut record = json!({
        "version": "1.0",
        "timestamp": timestamp(SystemTime::now()),
        "requestContext": {
            "requestId": invocation.request_id.as_str(),
            "functionArn": arn,
            "condition": condition,
            "approximateInvokeCount": tries,
        },
        "requestPayload": parsed(&invocation.payload),
    });
    if let Some(handled) = handled {
        let mut context = json!({"statusCode": 200, "executedVersion": LATEST});
        if handled.failed {
            context["functionError"] = "Unhandled".into();
        }
        record["responseContext"] = context;
        record["responsePayload"] = parsed(&handled.payload);
    }
    record
}
