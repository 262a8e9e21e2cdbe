//! The course of an invocation through the sandbox's task: accepted, delivered, answered, reported.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::ending;
use super::task::{Next, Task};
use crate::lambda::event::{Event, Failure, Report};
use crate::lambda::{
    Body, BodyEnd, BodyWriter, Deadline, Invocation, Outcome, RequestId, Response,
};
use crate::runtime_api::{Call, Delivery, Finish, ResponseHead, Waiting};

/// How long the figures may take; a report without them is better than a late result.
const FIGURES: Duration = Duration::from_millis(500);

/// An invocation that was accepted and has not ended.
pub(super) struct Running {
    pub(super) invocation: Arc<Invocation>,
    /// Taken when the answer, or its beginning, is passed on.
    reply: Option<oneshot::Sender<Outcome>>,
    content_type: Option<String>,
    /// The end of the answer that is being streamed.
    writer: Option<BodyWriter>,
    /// When the event was delivered, or the runtime started again on its behalf.
    begun: Option<(Instant, Deadline)>,
    delivered: bool,
    /// The initialisation that this invocation waited for.
    init: Option<Duration>,
}

impl Running {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.begun.map(|(_, deadline)| deadline.at)
    }
}

impl Task {
    pub(super) fn accept(&mut self, invocation: Arc<Invocation>, reply: oneshot::Sender<Outcome>) {
        let reply = Some(reply);
        self.running = Some(Running {
            invocation,
            reply,
            content_type: None,
            writer: None,
            begun: None,
            delivered: false,
            init: None,
        });
    }

    /// Starts the invocation's clock.
    pub(super) fn begin(&mut self) {
        let timeout = self.plan.timeout;
        if let Some(running) = self
            .running
            .as_mut()
            .filter(|running| running.begun.is_none())
        {
            let request_id = running.invocation.request_id.clone();
            running.begun = Some((Instant::now(), Deadline::after(timeout)));
            self.events.send(Event::Started { request_id });
        }
    }

    /// Hands the event to the runtime, once.
    pub(super) fn deliver(&mut self) {
        if self
            .running
            .as_ref()
            .is_none_or(|running| running.delivered)
        {
            return;
        }
        let clock_runs = self
            .running
            .as_ref()
            .is_some_and(|running| running.begun.is_some());
        let init = self.runtime.init.take();
        self.begin();
        let Some(running) = self.running.as_mut() else {
            return;
        };
        let Some((_, deadline)) = running.begun else {
            return;
        };
        running.delivered = true;
        // An initialisation within the invocation's time is part of its duration.
        running.init = init.filter(|_| !clock_runs);
        let delivery = Delivery {
            invocation: Arc::clone(&running.invocation),
            deadline,
            function_arn: self.plan.function_arn.clone(),
            nonce: RequestId::random().to_string(),
        };
        let handed = self.exchange.offer(delivery);
        self.hand(handed, false);
    }

    fn hand(&mut self, mut handed: Option<(Waiting, Delivery)>, shown_again: bool) {
        while let Some((waiting, delivery)) = handed {
            handed = match waiting.reply.send(Ok(delivery)) {
                Ok(()) => None,
                Err(_) => self.exchange.undeliver(shown_again),
            };
        }
    }

    pub(super) fn take_call(&mut self, call: Call) -> Next {
        match call {
            Call::Next(waiting) => self.next(waiting),
            Call::Response(head, reply) => {
                let begun = self
                    .exchange
                    .begin_response(&head.id, head.nonce.as_deref());
                if begun.is_ok() {
                    self.begin_answer(head);
                }
                let _ = reply.send(begun);
            }
            Call::ResponseEnd(finish, reply) => {
                self.exchange.end_response();
                let _ = reply.send(());
                return self.end_answer(finish);
            }
            Call::Error {
                id,
                nonce,
                category,
                body,
                reply,
            } => {
                let taken = self.exchange.error(&id, nonce.as_deref());
                let legal = taken.is_ok();
                let _ = reply.send(taken);
                if legal {
                    tracing::debug!(category, "the function reported an error");
                    return Next::Conclude(Outcome::Error(body));
                }
            }
            Call::InvalidMode { id, nonce, reply } => {
                let taken = self.exchange.error(&id, nonce.as_deref());
                let legal = taken.is_ok();
                let _ = reply.send(taken);
                if legal {
                    return Next::Conclude(ending::invalid_mode());
                }
            }
            Call::InitError {
                category,
                body,
                reply,
            } => {
                let taken = self.exchange.init_error();
                if taken.is_ok() {
                    tracing::debug!(
                        category,
                        "the runtime reported an error of its initialisation"
                    );
                    self.runtime.init_error = Some(Outcome::Error(body));
                }
                let _ = reply.send(taken);
            }
        }
        Next::Wait
    }

    fn next(&mut self, waiting: Waiting) {
        match self.exchange.next(waiting) {
            Ok(polled) => {
                if polled.initialised {
                    self.runtime.init = self.runtime.started.map(|started| started.elapsed());
                }
                self.hand(polled.deliver, polled.shown_again);
            }
            Err((waiting, error)) => _ = waiting.reply.send(Err(error)),
        }
    }

    /// A streamed answer is passed on from its first byte.
    fn begin_answer(&mut self, head: ResponseHead) {
        let Some(running) = &mut self.running else {
            return;
        };
        let Some((writer, body)) = head.stream else {
            running.content_type = head.content_type;
            return;
        };
        running.writer = Some(writer);
        let outcome = Outcome::Success(Response {
            body,
            content_type: head.content_type,
        });
        if let Some(reply) = running.reply.take() {
            let _ = reply.send(outcome);
        }
    }

    fn end_answer(&mut self, finish: Finish) -> Next {
        let Some(running) = &mut self.running else {
            return Next::Wait;
        };
        match finish {
            Finish::Whole(body) => {
                let content_type = running.content_type.take();
                Next::Conclude(Outcome::Success(Response {
                    body: Body::Whole(body),
                    content_type,
                }))
            }
            Finish::Streamed(None) => Next::EndStream(BodyEnd::Complete),
            Finish::Streamed(Some(error)) => Next::EndStream(BodyEnd::Failed(error)),
            Finish::Truncated => {
                self.truncated();
                Next::Wait
            }
            Finish::TooLarge => Next::Conclude(ending::too_large()),
        }
    }

    /// The invocation's time is up: the process is killed, and what it had written is shown before the end is told.
    pub(super) fn expire(&mut self) {
        let Some(running) = &self.running else { return };
        let outcome = ending::timed_out(&running.invocation.request_id, self.plan.timeout);
        self.exchange.expire();
        self.condemn(outcome);
    }

    /// Reports the invocation's figures and passes its outcome on; to the reader of the stream, where the answer had
    /// begun.
    pub(super) async fn conclude(&mut self, outcome: Outcome) {
        let failure = ending::failure(&outcome);
        let running = self.running.as_mut();
        let (reply, writer) =
            running.map_or((None, None), |one| (one.reply.take(), one.writer.take()));
        self.report(failure).await;
        if let Some(writer) = writer {
            self.end_body(writer, BodyEnd::Ended(Box::new(outcome)));
        } else if let Some(reply) = reply {
            let _ = reply.send(outcome);
        }
    }

    /// Reports the invocation's figures and ends the stream of its answer.
    pub(super) async fn end_stream(&mut self, end: BodyEnd) {
        let failure = match &end {
            BodyEnd::Failed(error) => Some(Failure::Error(error.kind.clone())),
            BodyEnd::Complete | BodyEnd::Ended(_) => None,
        };
        let writer = self
            .running
            .as_mut()
            .and_then(|running| running.writer.take());
        self.report(failure).await;
        if let Some(writer) = writer {
            self.end_body(writer, end);
        }
    }

    /// Ends a body without waiting: its reader may be behind, or gone.
    fn end_body(&self, writer: BodyWriter, end: BodyEnd) {
        self.tasks.spawn(writer.end(end));
    }

    /// Reports the invocation's figures: it is over.
    async fn report(&mut self, failure: Option<Failure>) {
        // One that never reached the runtime has begun and ended now.
        self.begin();
        let Some(running) = self.running.take() else {
            return;
        };
        let elapsed = running
            .begun
            .map_or(Duration::ZERO, |(begun, _)| begun.elapsed());
        let timed_out = failure == Some(Failure::Timeout);
        let usage = tokio::time::timeout(FIGURES, self.channel.usage())
            .await
            .ok()
            .flatten();
        self.events.send(Event::Finished(Report {
            request_id: running.invocation.request_id.clone(),
            duration: if timed_out {
                self.plan.timeout
            } else {
                elapsed
            },
            init: running.init,
            memory_size: self.plan.memory_mb,
            peak_memory: usage.map(|usage| usage.peak_memory),
            failure,
        }));
        if self.runtime.exit.is_some() {
            // It answered and died: the next invocation starts it again.
            self.retire();
        }
    }
}
