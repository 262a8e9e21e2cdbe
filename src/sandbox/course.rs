//! The course of an invocation through the sandbox's task: accepted, delivered, answered, reported. What the runtime says
//! on the way is in `calls`.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{Span, debug_span};

use super::ending;
use super::task::{Next, Task};
use crate::channel::frame::Answer as Answered;
use crate::lambda::event::{Event, Failure, Report};
use crate::lambda::{BodyEnd, BodyWriter, Deadline, Invocation, Outcome, RequestId, TraceId};
use crate::runtime_api::Delivery;

/// How long the figures may take; a report without them is better than a late result.
const FIGURES: Duration = Duration::from_millis(500);
/// How long the sandbox's memory at the time of the answer tells what it is at the end.
const FRESH: Duration = Duration::from_millis(2);

/// An invocation that was accepted and has not ended.
pub(super) struct Running {
    pub(super) invocation: Arc<Invocation>,
    /// Taken when the answer, or its beginning, is passed on.
    pub(super) reply: Option<oneshot::Sender<Outcome>>,
    pub(super) content_type: Option<String>,
    /// The end of the answer that is being streamed.
    pub(super) writer: Option<BodyWriter>,
    /// When the event was delivered, or the runtime started again on its behalf.
    begun: Option<(Instant, Deadline)>,
    delivered: bool,
    /// The initialisation that this invocation waited for.
    init: Option<Duration>,
    /// Why that failed.
    pub(super) init_failure: Option<Failure>,
    answer: Option<Answer>,
    /// The sandbox's memory at the time of the answer, and when that was asked for.
    usage: Option<(Instant, oneshot::Receiver<Answered>)>,
    /// Lasts from the delivery to the answer.
    invoking: Option<Span>,
}

/// The answer to an invocation that is over when the runtime asks for the next one.
struct Answer {
    /// Until it has been passed on, and when that is at the latest.
    end: Option<(End, Instant)>,
    failure: Option<Failure>,
}

/// What ends an invocation for its caller.
pub(super) enum End {
    Outcome(Outcome),
    /// The end of an answer that was passed on as it came.
    Stream(BodyEnd),
}

impl Running {
    /// When the answer is to be passed on although the runtime is still at work.
    pub(super) fn patience(&self) -> Option<Instant> {
        let (_, until) = self.answer.as_ref()?.end.as_ref()?;
        Some(*until)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.begun.map(|(_, deadline)| deadline.at)
    }
}

impl Task {
    pub(super) fn accept(&mut self, invocation: Arc<Invocation>, reply: oneshot::Sender<Outcome>) {
        if self.running.is_some() {
            self.queue.push_back((invocation, reply));
            return;
        }
        let reply = Some(reply);
        self.running = Some(Running {
            invocation,
            reply,
            content_type: None,
            writer: None,
            begun: None,
            delivered: false,
            init: None,
            init_failure: None,
            answer: None,
            usage: None,
            invoking: None,
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
        running.invoking = Some(debug_span!("invoke"));
        // An initialisation within the invocation's time is part of its duration.
        running.init = init.filter(|_| !clock_runs);
        let delivery = Delivery {
            invocation: Arc::clone(&running.invocation),
            deadline,
            function_arn: match &running.invocation.qualifier {
                Some(qualifier) => format!("{}:{qualifier}", self.plan.function_arn),
                None => self.plan.function_arn.clone(),
            },
            nonce: RequestId::random().to_string(),
        };
        // On managed instances extensions are told of no invocation.
        if !self.plan.parallel {
            for told in self.extensions.invoked(&delivery) {
                let _ = told.send(Ok(delivery.clone()));
            }
        }
        let handed = self.exchange.offer(delivery);
        self.hand(handed, false);
    }

    /// Keeps the answer until the runtime asks for work again: only then the invocation is over.
    pub(super) fn answered(&mut self, end: End) {
        let failure = match &end {
            End::Outcome(outcome) => ending::failure(outcome),
            End::Stream(BodyEnd::Failed(error)) => Some(Failure::Error(error.kind.clone())),
            End::Stream(BodyEnd::Complete | BodyEnd::Ended(_)) => None,
        };
        if let Some(running) = &mut self.running {
            let now = Instant::now();
            running.answer = Some(Answer {
                end: Some((end, now + self.plan.patience)),
                failure,
            });
            // The runtime asks for work meanwhile: the report need not wait for both.
            running.usage = Some((now, self.channel.usage()));
            running.invoking = None;
        }
    }

    pub(super) fn is_answered(&self) -> bool {
        let running = self.running.as_ref();
        running.is_some_and(|running| running.answer.is_some())
    }

    /// What the state of the runtime means for an invocation that has been answered.
    pub(super) fn settle_answer(&mut self) -> Next {
        let gone = self
            .runtime
            .exit
            .as_ref()
            .is_some_and(|(_, until)| self.calls.connections == 0 || Instant::now() >= *until);
        if gone || (self.exchange.is_ready() && self.extensions.are_done()) {
            return Next::Finish;
        }
        let patience = self.running.as_ref().and_then(Running::patience);
        if patience.is_some_and(|until| Instant::now() >= until) {
            self.pass_on();
        }
        Next::Wait
    }

    /// The invocation's time is up: the process is killed, and what it had written is shown before the end is told. One
    /// that takes several invocations at once lives on, as in the service.
    pub(super) fn expire(&mut self) -> Next {
        let Some(running) = &self.running else {
            return Next::Wait;
        };
        let outcome = ending::timed_out(&running.invocation.request_id, self.plan.timeout);
        let delivered = running.delivered;
        self.exchange.expire();
        if self.plan.parallel && delivered {
            return Next::Conclude(outcome);
        }
        self.condemn(outcome);
        Next::Wait
    }

    /// The platform ends the invocation, in this way; its answer, where there is one already, stands.
    pub(super) async fn conclude(&mut self, outcome: Outcome) {
        if self.is_answered() {
            self.pass_on();
            let failure = ending::failure(&outcome);
            if let (Some(running), Outcome::TimedOut { .. }) = (&self.running, &outcome) {
                let id = &running.invocation.request_id;
                self.events.warn(format!(
                    "the function answered {id} and was still at work when its time was up"
                ));
            }
            let answer = self.running.as_mut().and_then(|one| one.answer.as_mut());
            if let Some(answer) = answer {
                answer.failure = failure;
            }
        } else {
            self.answered(End::Outcome(outcome));
        }
        self.finish().await;
    }

    /// Reports the invocation's figures and passes its answer on, unless that was done before.
    pub(super) async fn finish(&mut self) {
        let answer = self.running.as_ref().and_then(|one| one.answer.as_ref());
        let failure = answer.and_then(|answer| answer.failure.clone());
        self.report(failure).await;
        self.pass_on();
        self.running = None;
        self.runtime.truncated = None;
        if self.runtime.exit.is_some() {
            // It answered and died: the next invocation starts it again.
            self.retire();
        }
        if let Some((invocation, reply)) = self.queue.pop_front() {
            self.accept(invocation, reply);
        }
    }

    /// Passes the answer on; to the reader of the stream, where it had begun.
    fn pass_on(&mut self) {
        let Some(running) = &mut self.running else {
            return;
        };
        let Some((end, _)) = running.answer.as_mut().and_then(|one| one.end.take()) else {
            return;
        };
        match (end, running.writer.take(), running.reply.take()) {
            (End::Stream(end), Some(writer), _) => self.end_body(writer, end),
            (End::Outcome(outcome), Some(writer), _) => {
                self.end_body(writer, BodyEnd::Ended(Box::new(outcome)));
            }
            (End::Outcome(outcome), None, Some(reply)) => _ = reply.send(outcome),
            (_, None, _) => {}
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
        let Some(running) = &mut self.running else {
            return;
        };
        let elapsed = running
            .begun
            .map_or(Duration::ZERO, |(begun, _)| begun.elapsed());
        let timed_out = failure == Some(Failure::Timeout);
        let asked = running.usage.take();
        let asked = asked.filter(|(since, _)| since.elapsed() < FRESH);
        let asked = asked.map_or_else(|| self.channel.usage(), |(_, asked)| asked);
        let usage = match tokio::time::timeout(FIGURES, asked).await {
            Ok(Ok(Answered::Usage(usage))) => Some(usage),
            _ => None,
        };
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
            failure: failure.or_else(|| running.init_failure.clone()),
            trace: Some(running.invocation.trace_id.clone()).filter(TraceId::is_sampled),
        }));
    }
}
