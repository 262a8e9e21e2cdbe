//! What becomes of events that nobody waits for: how often they are tried, and where they go then.

use std::time::Duration;

use super::Asynchronous;
use super::reader::Reader;
use crate::template::Value;

impl Reader<'_> {
    /// SAM has a property for it, CloudFormation a resource of its own.
    pub(super) fn asynchronous(&self) -> Asynchronous {
        let mut asynchronous = Asynchronous {
            dead_letters: self.dead_letters(),
            ..Asynchronous::default()
        };
        if let Some(config) = self.value("EventInvokeConfig") {
            configure(&mut asynchronous, |name| config.get(name).cloned());
        }
        let scope = self.declared.scope;
        let resource = self
            .of_this("AWS::Lambda::EventInvokeConfig", "FunctionName")
            .next();
        if let Some(resource) = resource {
            configure(&mut asynchronous, |name| {
                resource.property(name).map(|node| scope.resolve(node))
            });
        }
        asynchronous
    }

    /// SAM's name for it, and CloudFormation's.
    fn dead_letters(&self) -> Option<String> {
        self.entry("DeadLetterQueue", "TargetArn")
            .or_else(|| self.entry("DeadLetterConfig", "TargetArn"))
    }
}

fn configure(asynchronous: &mut Asynchronous, get: impl Fn(&str) -> Option<Value>) {
    let number = |name| get(name)?.scalar_text()?.trim().parse::<u64>().ok();
    if let Some(retries) = number("MaximumRetryAttempts") {
        asynchronous.retries = u32::try_from(retries).unwrap_or(u32::MAX).min(2);
    }
    if let Some(seconds) = number("MaximumEventAgeInSeconds") {
        asynchronous.max_age = Duration::from_secs(seconds);
    }
    let destinations = get("DestinationConfig");
    let destination = |name: &str| {
        let one = destinations.as_ref()?.get(name)?;
        one.get("Destination")?.scalar_text()
    };
    asynchronous.on_success = destination("OnSuccess");
    asynchronous.on_failure = destination("OnFailure");
}
