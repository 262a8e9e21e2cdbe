//! What the runtime says through the Runtime API, and what follows from it for the invocation under way.

use tokio::sync::oneshot;

use super::course::End;
use super::ending;
use super::task::{Next, Task};
use crate::lambda::{Body, BodyEnd, Outcome, Response};
use crate::runtime_api::{
    ApiError, Call, Delivery, ExtensionCall, Finish, Refusal, ResponseHead, Waiting,
};

impl Task {
    pub(super) fn hand(&mut self, mut handed: Option<(Waiting, Delivery)>, shown_again: bool) {
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
                if tell(begun, reply) {
                    self.begin_answer(head);
                }
            }
            Call::ResponseEnd { id, finish, reply } => {
                if tell(self.exchange.end_response(&id), reply) {
                    self.end_answer(finish);
                }
            }
            Call::Error {
                id,
                nonce,
                category,
                body,
                reply,
            } => {
                if tell(self.exchange.error(&id, nonce.as_deref()), reply) {
                    tracing::debug!(category, "the function reported an error");
                    self.answered(End::Outcome(Outcome::Error(body)));
                }
            }
            Call::Refused {
                id,
                nonce,
                reason,
                reply,
            } => {
                if tell(self.exchange.error(&id, nonce.as_deref()), reply) {
                    self.answered(End::Outcome(match reason {
                        Refusal::InvalidMode => ending::invalid_mode(),
                        Refusal::TooLarge => ending::too_large(),
                    }));
                }
            }
            Call::Extension(call) => self.take_extension_call(call),
            Call::InitError {
                category,
                body,
                reply,
            } => {
                if tell(self.exchange.init_error(), reply) {
                    tracing::debug!(
                        category,
                        "the runtime reported that it could not initialise"
                    );
                    self.runtime.init_error = Some((Outcome::Error(body), category));
                }
            }
        }
        Next::Wait
    }

    fn take_extension_call(&mut self, call: ExtensionCall) {
        match call {
            ExtensionCall::Register {
                name,
                events,
                reply,
            } => {
                let registered = self.extensions.register(&name, &events);
                let _ = reply.send(registered.map(|id| self.plan.registered(id)));
            }
            ExtensionCall::Next { id, reply } => match self.extensions.next(&id, reply) {
                Ok(None) => self.initialised(),
                Ok(Some((reply, missed))) => _ = reply.send(Ok(missed)),
                Err((reply, error)) => _ = reply.send(Err(error)),
            },
            ExtensionCall::Failed {
                id,
                category,
                reply,
            } => {
                let name = self.extensions.failed(&id).map(str::to_owned);
                let failed = name.as_ref().ok().cloned();
                if tell(name.map(drop), reply)
                    && let Some(name) = failed
                {
                    self.extension_failed(&name, &category);
                }
            }
        }
    }

    fn next(&mut self, waiting: Waiting) {
        match self.exchange.next(waiting) {
            Ok(polled) => {
                self.extensions.close();
                self.initialised();
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

    fn end_answer(&mut self, finish: Finish) {
        let Some(running) = &mut self.running else {
            return;
        };
        let end = match finish {
            Finish::Whole(body) => End::Outcome(Outcome::Success(Response {
                body: Body::Whole(body),
                content_type: running.content_type.take(),
            })),
            Finish::Streamed(None) => End::Stream(BodyEnd::Complete),
            Finish::Streamed(Some(error)) => End::Stream(BodyEnd::Failed(error)),
            Finish::Truncated => return self.truncated(),
            Finish::TooLarge => End::Outcome(ending::too_large()),
        };
        self.answered(end);
    }
}

/// Tells the runtime whether its call is taken, and says the same to who asks here.
fn tell(taken: Result<(), ApiError>, reply: oneshot::Sender<Result<(), ApiError>>) -> bool {
    let legal = taken.is_ok();
    let _ = reply.send(taken);
    legal
}
