//! Extensions that are part of the runtime's process: who has registered, for what, and who waits for the next event. Pure.
//!
//! They register until the runtime first asks for work. Initialisation is over when each has asked for its first event, an
//! invocation when each that was told of it has asked for the next.

use uuid::Uuid;

use super::exchange::{Delivery, Waiter};
use super::protocol::ApiError;

/// Most extensions of an environment.
const LIMIT: usize = 10;
/// The one event that they may be told of.
const INVOKE: &str = "INVOKE";
/// The event that only programs of their own are told of.
const SHUTDOWN: &str = "SHUTDOWN";

#[derive(Debug)]
struct Extension<W> {
    id: String,
    name: String,
    /// Whether it is told of invocations.
    invoke: bool,
    /// Whether it has ever asked for an event.
    initialised: bool,
    waiting: Option<W>,
    /// The event that it was to be told of while it did not wait.
    missed: Option<Delivery>,
}

/// The extensions of one runtime.
#[derive(Debug)]
pub struct Extensions<W> {
    all: Vec<Extension<W>>,
    closed: bool,
}

impl<W> Default for Extensions<W> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            closed: false,
        }
    }
}

impl<W: Waiter> Extensions<W> {
    /// An extension registers for events, and is given its id.
    ///
    /// # Errors
    /// Its name or its events are wrong, there are too many, or it is too late.
    pub fn register(&mut self, name: &str, events: &[String]) -> Result<String, ApiError> {
        let refuse = |kind, message: String| Err(ApiError::Extension { kind, message });
        if name.is_empty() {
            let text = "Empty extension name".to_owned();
            return refuse("Extension.InvalidExtensionName", text);
        }
        if let Some(event) = events.iter().find(|event| *event != INVOKE) {
            let reason = if event == SHUTDOWN {
                "ShutdownEventNotSupportedForInternalExtension"
            } else {
                "ErrorInvalidEventType"
            };
            return refuse("Extension.InvalidEventType", format!("{event}: {reason}"));
        }
        if self.closed {
            let text = "Extension registration closed already".to_owned();
            return refuse("Extension.RegistrationClosed", text);
        }
        if self.all.iter().any(|known| known.name == name) {
            let text = "Extension with this name already registered".to_owned();
            return refuse("Extension.InvalidExtensionState", text);
        }
        if self.all.len() == LIMIT {
            let text = format!("Extension limit ({LIMIT}) reached");
            return refuse("Extension.TooManyExtensions", text);
        }
        let id = Uuid::new_v4().to_string();
        self.all.push(Extension {
            id: id.clone(),
            name: name.to_owned(),
            invoke: !events.is_empty(),
            initialised: false,
            waiting: None,
            missed: None,
        });
        Ok(id)
    }

    /// The runtime has asked for work: from now on it is too late to register.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// An extension asks for its next event; one that it missed is there at once.
    ///
    /// # Errors
    /// The id is nobody's; the waiter is given back with the reason.
    pub fn next(&mut self, id: &str, waiter: W) -> Result<Option<(W, Delivery)>, (W, ApiError)> {
        let Some(extension) = self.all.iter_mut().find(|extension| extension.id == id) else {
            return Err((waiter, unknown(format!("Unknown extension {id}"))));
        };
        extension.initialised = true;
        if let Some(missed) = extension.missed.take() {
            return Ok(Some((waiter, missed)));
        }
        extension.waiting = Some(waiter);
        Ok(None)
    }

    /// Who is to be told of an invocation; from now on each has to ask again.
    pub fn invoked(&mut self, delivery: &Delivery) -> Vec<W> {
        let mut told = Vec::new();
        for extension in self.all.iter_mut().filter(|extension| extension.invoke) {
            match extension.waiting.take().filter(|waiter| !waiter.is_gone()) {
                Some(waiter) => told.push(waiter),
                None => extension.missed = Some(delivery.clone()),
            }
        }
        told
    }

    /// The name of an extension that reports a failure.
    ///
    /// # Errors
    /// The id is nobody's.
    pub fn failed(&self, id: &str) -> Result<&str, ApiError> {
        let extension = self.all.iter().find(|extension| extension.id == id);
        let name = extension.map(|extension| extension.name.as_str());
        name.ok_or_else(|| unknown("Unknown Lambda-Extension-Identifier".to_owned()))
    }

    /// Whether each has asked for its first event.
    #[must_use]
    pub fn are_initialised(&self) -> bool {
        self.all.iter().all(|extension| extension.initialised)
    }

    /// Whether each that was told of an invocation is done with it.
    #[must_use]
    pub fn are_done(&self) -> bool {
        let mut told = self.all.iter().filter(|extension| extension.invoke);
        told.all(|extension| extension.waiting.is_some())
    }

    /// Whether there are any: then the runtime is asked to end before it is killed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

fn unknown(message: String) -> ApiError {
    ApiError::Extension {
        kind: "Extension.UnknownExtensionIdentifier",
        message,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::lambda::{Deadline, Invocation};

    fn kind(result: Result<String, ApiError>) -> String {
        match result {
            Err(ApiError::Extension { kind, message }) => format!("{kind}: {message}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn registration_has_its_rules() {
        let mut extensions = Extensions::<u32>::default();
        let mut register = |name: &str, events: &[&str]| {
            let events: Vec<_> = events.iter().map(|event| (*event).to_owned()).collect();
            extensions.register(name, &events)
        };
        register("a", &["INVOKE"]).unwrap();
        for (name, events, expected) in [
            (
                "",
                &[][..],
                "Extension.InvalidExtensionName: Empty extension name",
            ),
            (
                "b",
                &["X"],
                "Extension.InvalidEventType: X: ErrorInvalidEventType",
            ),
            (
                "b",
                &["INVOKE", "SHUTDOWN"],
                "Extension.InvalidEventType: SHUTDOWN: ShutdownEventNotSupportedForInternalExtension",
            ),
            (
                "a",
                &[],
                "Extension.InvalidExtensionState: Extension with this name already registered",
            ),
        ] {
            assert_eq!(kind(register(name, events)), expected);
        }
        for n in 1..LIMIT {
            register(&n.to_string(), &[]).unwrap();
        }
        let one_more = kind(register("more", &[]));
        assert_eq!(
            one_more,
            "Extension.TooManyExtensions: Extension limit (10) reached"
        );
        let mut extensions = Extensions::<u32>::default();
        extensions.close();
        let late = kind(extensions.register("a", &[]));
        assert_eq!(
            late,
            "Extension.RegistrationClosed: Extension registration closed already"
        );
    }

    #[tokio::test]
    async fn an_invocation_lasts_until_each_that_was_told_is_done() {
        let mut extensions = Extensions::default();
        let told = extensions.register("told", &[INVOKE.to_owned()]).unwrap();
        let other = extensions.register("other", &[]).unwrap();
        assert!(!extensions.are_initialised());
        extensions.next(&told, 4).unwrap();
        extensions.next(&other, 2).unwrap();
        assert!(extensions.are_initialised() && extensions.are_done());
        let delivery = Delivery {
            invocation: Arc::new(Invocation::json("{}".into())),
            deadline: Deadline::after(Duration::from_secs(3)),
            function_arn: String::new(),
            nonce: String::new(),
        };
        assert_eq!(extensions.invoked(&delivery), [4]);
        assert!(!extensions.are_done());
        // It has gone away meanwhile, and asks again after the event.
        assert!(extensions.next(&told, 3).unwrap().is_none());
        assert!(extensions.are_done());
        assert!(extensions.invoked(&delivery).is_empty());
        assert_eq!(extensions.next(&told, 6).unwrap().unwrap().0, 6);
        assert!(!extensions.are_done());
        assert_eq!(extensions.next("x", 8).unwrap_err().0, 8);
        assert_eq!(extensions.failed(&other).unwrap(), "other");
        assert!(extensions.failed("x").is_err());
    }
}
