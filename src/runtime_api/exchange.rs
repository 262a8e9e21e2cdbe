//! Which call of the Runtime API is legal when. Pure and synchronous, so that every order of events can be tested.
//!
//! ```text
//! Started --next--> Ready --offer--> Running --response--> Responding --finished--> Sent --next--> Ready
//! Started --init error--> InitError      Running --error--> Sent
//! any --exited--> Started
//! ```
//!
//! A runtime with several workers may ask for work in any of these states; one that waits makes `Sent` `Ready`.
//!
//! An invocation is delivered at most once and ends exactly once: [`Exchange::offer`] hands it to a waiting runtime or
//! keeps it, and whoever ends it takes it out.

use std::collections::VecDeque;
use std::sync::Arc;

use super::protocol::ApiError;
use crate::lambda::{Deadline, Invocation, RequestId};

/// Ids of expired invocations that a late answer is recognised by.
const REMEMBERED: usize = 1000;

/// An invocation on its way to the runtime.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The invocation.
    pub invocation: Arc<Invocation>,
    /// When it must be answered.
    pub deadline: Deadline,
    /// Full name of the function as the caller addressed it.
    pub function_arn: String,
    /// Tells this delivery from another of the same sandbox.
    pub nonce: String,
}

/// A call for work that waits for its answer.
pub trait Waiter {
    /// Whether the caller has gone away meanwhile.
    fn is_gone(&self) -> bool;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Started,
    Ready,
    Running,
    Responding,
    Sent,
    InitError,
}

impl State {
    /// The state's name in error texts.
    fn name(self) -> &'static str {
        match self {
            Self::Started => "Started",
            Self::Ready => "Ready",
            Self::Running => "Running",
            Self::Responding => "InvocationResponse",
            Self::Sent => "RuntimeResponseSentState",
            Self::InitError => "InitError",
        }
    }
}

/// What a call for work led to.
#[derive(Debug)]
pub struct Polled<W> {
    /// The delivery was made before, and is only shown again.
    pub shown_again: bool,
    /// A delivery and who gets it.
    pub deliver: Option<(W, Delivery)>,
}

/// The state of one runtime.
#[derive(Debug)]
pub struct Exchange<W> {
    /// Whether the runtime has several workers: each has a call of its own that waits.
    parallel: bool,
    state: State,
    waiting: VecDeque<W>,
    offered: Option<Delivery>,
    current: Option<Delivery>,
    expired: VecDeque<RequestId>,
}

impl<W> Default for Exchange<W> {
    fn default() -> Self {
        let (waiting, expired) = (VecDeque::new(), VecDeque::new());
        Self {
            parallel: false,
            state: State::Started,
            waiting,
            offered: None,
            current: None,
            expired,
        }
    }
}

impl<W: Waiter> Exchange<W> {
    /// The state of a runtime that has not been started, with one worker or with several.
    #[must_use]
    pub fn new(parallel: bool) -> Self {
        Self {
            parallel,
            ..Self::default()
        }
    }

    /// The runtime asks for work.
    ///
    /// # Errors
    /// The call is not legal in this state; the waiter is given back with the reason.
    pub fn next(&mut self, waiter: W) -> Result<Polled<W>, (W, ApiError)> {
        match self.state {
            State::Started | State::Sent => self.state = State::Ready,
            State::Ready => {}
            State::Running | State::Responding if self.parallel => {}
            // A runtime that asks again while it works is shown the same event again.
            State::Running => {
                let deliver = self.current.clone().map(|delivery| (waiter, delivery));
                return Ok(Polled {
                    shown_again: true,
                    deliver,
                });
            }
            State::Responding | State::InitError => return Err((waiter, self.refuse("Ready"))),
        }
        self.waiting.retain(|waiter| !waiter.is_gone());
        self.waiting.push_back(waiter);
        let offered = self.offered.take();
        Ok(Polled {
            shown_again: false,
            deliver: offered.and_then(|delivery| self.offer(delivery)),
        })
    }

    /// Hands an invocation to a waiting runtime; it is kept for the next call where none waits. One at a time: only
    /// when none is under way.
    pub fn offer(&mut self, delivery: Delivery) -> Option<(W, Delivery)> {
        self.waiting.retain(|waiter| !waiter.is_gone());
        let waiter = if self.state == State::Ready {
            self.waiting.pop_front()
        } else {
            None
        };
        let Some(waiter) = waiter else {
            self.offered = Some(delivery);
            return None;
        };
        self.state = State::Running;
        self.current = Some(delivery.clone());
        Some((waiter, delivery))
    }

    /// The receiver of a delivery was gone before anything was written to it.
    ///
    /// A delivery that was only shown again is not taken back.
    pub fn undeliver(&mut self, shown_again: bool) -> Option<(W, Delivery)> {
        if shown_again || self.state != State::Running {
            return None;
        }
        self.state = State::Ready;
        let delivery = self.current.take()?;
        self.offer(delivery)
    }

    /// The runtime begins to answer.
    ///
    /// # Errors
    /// A wrong id, an answer that comes too late, or a call that is not legal in this state.
    pub fn begin_response(&mut self, id: &str, nonce: Option<&str>) -> Result<(), ApiError> {
        self.check(id, nonce, "InvocationResponse")?;
        self.state = State::Responding;
        Ok(())
    }

    /// The answer to this invocation is here, whole or not: the invocation is over.
    ///
    /// # Errors
    /// It was over before.
    pub fn end_response(&mut self, id: &str) -> Result<(), ApiError> {
        if self.state != State::Responding || self.under_way(id).is_none() {
            return Err(ApiError::InvokeTimeout);
        }
        self.end(State::Sent);
        Ok(())
    }

    /// The runtime reports that the function failed: the invocation is over.
    ///
    /// # Errors
    /// As [`begin_response`](Self::begin_response).
    pub fn error(&mut self, id: &str, nonce: Option<&str>) -> Result<(), ApiError> {
        self.check(id, nonce, "InvocationErrorResponse")?;
        self.end(State::Sent);
        Ok(())
    }

    /// The runtime reports that it could not initialise.
    ///
    /// # Errors
    /// Initialisation is over.
    pub fn init_error(&mut self) -> Result<(), ApiError> {
        if self.state != State::Started {
            return Err(self.refuse("InitError"));
        }
        self.state = State::InitError;
        Ok(())
    }

    /// The invocation's time is up: a late answer will be told so.
    pub fn expire(&mut self) {
        if let Some(delivery) = &self.current {
            if self.expired.len() == REMEMBERED {
                self.expired.pop_front();
            }
            self.expired
                .push_back(delivery.invocation.request_id.clone());
        }
        let state = match self.state {
            _ if self.parallel && self.is_initialised() => State::Sent,
            State::Responding => State::Running,
            state => state,
        };
        self.end(state);
    }

    /// The runtime's process is gone: nobody waits any more. What it had said before may still arrive.
    pub fn abandon(&mut self) {
        self.waiting.clear();
    }

    /// The runtime's process is gone, and with it everything it was told.
    pub fn exited(&mut self) {
        self.end(State::Started);
        self.waiting.clear();
    }

    /// Whether the runtime has asked for work since it was started.
    #[must_use]
    pub fn is_initialised(&self) -> bool {
        !matches!(self.state, State::Started | State::InitError)
    }

    /// Whether the runtime waits for work, or asks for it next.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    fn end(&mut self, state: State) {
        self.waiting.retain(|waiter| !waiter.is_gone());
        // Another worker waits already.
        self.state = match state {
            State::Sent if !self.waiting.is_empty() => State::Ready,
            state => state,
        };
        self.offered = None;
        self.current = None;
    }

    /// The delivery with this id, while it is the current one.
    fn under_way(&self, id: &str) -> Option<&Delivery> {
        let current = self.current.as_ref();
        current.filter(|delivery| delivery.invocation.request_id.as_str() == id)
    }

    /// The id is checked before the state: a wrong id is a wrong id even when nothing runs.
    fn check(&self, id: &str, nonce: Option<&str>, to: &'static str) -> Result<(), ApiError> {
        let Some(delivery) = self.under_way(id) else {
            let late = self.expired.iter().any(|expired| expired.as_str() == id);
            return Err(if late {
                ApiError::InvokeTimeout
            } else {
                ApiError::InvalidRequestId
            });
        };
        if nonce.is_some_and(|nonce| nonce != delivery.nonce) {
            return Err(ApiError::InvokeTimeout);
        }
        if self.state == State::Running {
            Ok(())
        } else {
            Err(self.refuse(to))
        }
    }

    fn refuse(&self, to: &'static str) -> ApiError {
        ApiError::InvalidTransition {
            from: self.state.name(),
            to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    impl Waiter for u32 {
        /// Odd waiters have gone away.
        fn is_gone(&self) -> bool {
            self % 2 == 1
        }
    }

    fn delivery() -> Delivery {
        let invocation = Arc::new(Invocation::json("{}".into()));
        let deadline = Deadline::after(Duration::from_secs(3));
        Delivery {
            invocation,
            deadline,
            function_arn: String::new(),
            nonce: "n".into(),
        }
    }

    fn running() -> (Exchange<u32>, String) {
        let mut exchange = Exchange::default();
        exchange.next(2).unwrap();
        assert!(exchange.is_initialised());
        let (_, delivered) = exchange.offer(delivery()).expect("a runtime waits");
        (exchange, delivered.invocation.request_id.to_string())
    }

    #[tokio::test]
    async fn an_invocation_waits_for_the_runtime_or_the_runtime_for_it() {
        let mut exchange: Exchange<u32> = Exchange::default();
        assert!(exchange.offer(delivery()).is_none());
        let polled = exchange.next(2).unwrap();
        assert!(exchange.is_initialised() && polled.deliver.is_some());
        running();
    }

    #[tokio::test]
    async fn a_runtime_that_went_away_gets_nothing() {
        let mut exchange: Exchange<u32> = Exchange::default();
        exchange.next(1).unwrap();
        exchange.next(4).unwrap();
        assert_eq!(exchange.offer(delivery()).unwrap().0, 4);
        assert!(
            exchange.undeliver(false).is_none(),
            "kept for the next call"
        );
        assert_eq!(exchange.next(6).unwrap().deliver.unwrap().0, 6);
    }

    #[tokio::test]
    async fn one_answer_ends_it_and_a_second_is_refused() {
        let (mut exchange, id) = running();
        exchange.begin_response(&id, Some("n")).unwrap();
        let twice = exchange.begin_response(&id, None);
        assert!(
            matches!(
                twice,
                Err(ApiError::InvalidTransition {
                    from: "InvocationResponse",
                    ..
                })
            ),
            "{twice:?}"
        );
        let error = exchange.error(&id, None);
        assert!(
            matches!(
                error,
                Err(ApiError::InvalidTransition {
                    to: "InvocationErrorResponse",
                    ..
                })
            ),
            "{error:?}"
        );
        exchange.end_response(&id).unwrap();
        assert_eq!(
            exchange.begin_response(&id, None),
            Err(ApiError::InvalidRequestId)
        );
        assert_eq!(exchange.error(&id, None), Err(ApiError::InvalidRequestId));
        assert!(exchange.next(2).is_ok());
    }

    #[tokio::test]
    async fn wrong_ids_nonces_and_moves_are_told_apart() {
        let (mut exchange, id) = running();
        assert_eq!(exchange.error("x", None), Err(ApiError::InvalidRequestId));
        assert_eq!(
            exchange.error(&id, Some("other")),
            Err(ApiError::InvokeTimeout)
        );
        assert!(matches!(
            exchange.init_error(),
            Err(ApiError::InvalidTransition {
                from: "Running",
                to: "InitError"
            })
        ));
        let again = exchange
            .next(2)
            .unwrap()
            .deliver
            .expect("the same event again");
        assert_eq!(again.1.invocation.request_id.as_str(), id);
        exchange.expire();
        assert_eq!(
            exchange.begin_response(&id, None),
            Err(ApiError::InvokeTimeout)
        );
    }

    #[tokio::test]
    async fn a_failed_initialisation_is_final_until_the_process_is_gone() {
        let mut exchange: Exchange<u32> = Exchange::default();
        exchange.init_error().unwrap();
        assert!(exchange.next(2).is_err() && !exchange.is_initialised());
        exchange.exited();
        exchange.next(2).unwrap();
        assert!(exchange.is_initialised());
    }

    #[tokio::test]
    async fn ids_whose_time_was_up_are_known_for_a_thousand_more() {
        let mut exchange: Exchange<u32> = Exchange::default();
        let mut ids = Vec::new();
        for _ in 0..=REMEMBERED {
            exchange.exited();
            exchange.next(2).unwrap();
            let (_, slow) = exchange.offer(delivery()).unwrap();
            ids.push(slow.invocation.request_id.to_string());
            exchange.expire();
        }
        let late = |id: &str| exchange.check(id, None, "");
        assert_eq!(late(&ids[0]), Err(ApiError::InvalidRequestId));
        assert_eq!(late(&ids[1]), Err(ApiError::InvokeTimeout));
    }

    #[tokio::test]
    async fn several_workers_wait_and_one_is_given_the_work() {
        let mut exchange: Exchange<u32> = Exchange::new(true);
        exchange.next(2).unwrap();
        assert!(exchange.is_initialised());
        exchange.next(4).unwrap();
        let (first, delivered) = exchange.offer(delivery()).unwrap();
        assert_eq!(first, 2);
        let polled = exchange.next(6).unwrap();
        assert!(polled.deliver.is_none() && !polled.shown_again, "it waits");
        let id = delivered.invocation.request_id.to_string();
        exchange.begin_response(&id, None).unwrap();
        assert!(exchange.next(8).unwrap().deliver.is_none());
        exchange.end_response(&id).unwrap();
        assert!(exchange.is_ready(), "the others wait");
        assert_eq!(exchange.offer(delivery()).unwrap().0, 4);
    }

    #[tokio::test]
    async fn the_other_workers_go_on_when_one_is_too_slow() {
        let mut exchange: Exchange<u32> = Exchange::new(true);
        exchange.next(2).unwrap();
        let (_, slow) = exchange.offer(delivery()).unwrap();
        exchange.next(4).unwrap();
        exchange.expire();
        assert_eq!(exchange.offer(delivery()).unwrap().0, 4);
        let late = exchange.begin_response(slow.invocation.request_id.as_str(), None);
        assert_eq!(late, Err(ApiError::InvokeTimeout));
    }

    #[tokio::test]
    async fn the_end_of_a_late_answer_is_not_that_of_the_next() {
        let mut exchange: Exchange<u32> = Exchange::new(true);
        exchange.next(2).unwrap();
        let (_, slow) = exchange.offer(delivery()).unwrap();
        let slow = slow.invocation.request_id.to_string();
        exchange.begin_response(&slow, None).unwrap();
        exchange.next(4).unwrap();
        exchange.expire();
        let (_, other) = exchange.offer(delivery()).unwrap();
        let other = other.invocation.request_id.to_string();
        exchange.begin_response(&other, None).unwrap();
        assert_eq!(exchange.end_response(&slow), Err(ApiError::InvokeTimeout));
        exchange.end_response(&other).unwrap();
    }
}
