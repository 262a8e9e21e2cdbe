//! What has been counted, in the text form of Prometheus: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Refused;
use crate::lambda::Outcome;
use crate::lambda::event::{Failure, Report};

/// Upper bounds of durations, in seconds.
const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

#[derive(Debug, Default)]
struct Durations {
    counts: [u64; BUCKETS.len()],
    all: u64,
    sum: Duration,
}

impl Durations {
    fn add(&mut self, duration: Duration) {
        self.all += 1;
        self.sum += duration;
        let seconds = duration.as_secs_f64();
        for (count, bound) in self.counts.iter_mut().zip(BUCKETS) {
            *count += u64::from(seconds <= bound);
        }
    }
}

#[derive(Debug, Default)]
struct Counted {
    invocations: u64,
    throttles: u64,
    failures: u64,
    errors: BTreeMap<String, u64>,
    durations: Durations,
    inits: Durations,
    sandboxes: usize,
    queued: usize,
}

/// What has been counted, by function.
#[derive(Debug, Default)]
pub struct Metrics {
    functions: Mutex<BTreeMap<String, Counted>>,
}

impl Metrics {
    fn functions(&self) -> MutexGuard<'_, BTreeMap<String, Counted>> {
        self.functions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, function: &str, change: impl FnOnce(&mut Counted)) {
        let mut functions = self.functions();
        match functions.get_mut(function) {
            Some(counted) => change(counted),
            None => change(functions.entry(function.to_owned()).or_default()),
        }
    }

    /// An invocation has an outcome.
    pub(super) fn ended(&self, function: &str, outcome: &Outcome) {
        let kind = match outcome {
            Outcome::Success(_) => None,
            Outcome::Error(_) => Some("Unhandled"),
            Outcome::Lost(_) => Some("Lost"),
            other => other.platform_error().map(|error| error.kind.as_str()),
        };
        self.count(function, |counted| {
            counted.invocations += 1;
            if let Some(kind) = kind {
                *counted.errors.entry(kind.to_owned()).or_default() += 1;
            }
        });
    }

    /// An invocation is over; `streams`, whether its answer was streamed.
    pub(super) fn reported(&self, function: &str, report: &Report, streams: bool) {
        // What is streamed has begun as a success.
        let failure = report.failure.as_ref().filter(|_| streams);
        let kind = failure.map(|failure| match failure {
            Failure::Timeout => "Sandbox.Timedout".to_owned(),
            Failure::Error(kind) => kind.clone(),
        });
        self.count(function, |counted| {
            if let Some(kind) = kind {
                *counted.errors.entry(kind).or_default() += 1;
            }
            counted.durations.add(report.duration);
            if let Some(init) = report.init {
                counted.inits.add(init);
            }
        });
    }

    /// An invocation did not begin.
    pub(super) fn refused(&self, function: &str, refused: &Refused) {
        self.count(function, |counted| match refused {
            Refused::Throttled { .. } => counted.throttles += 1,
            Refused::Failed(_) => counted.failures += 1,
            Refused::Abandoned => {}
        });
    }

    /// A function has this many sandboxes.
    pub(super) fn sandboxes(&self, function: &str, number: usize) {
        self.count(function, |counted| counted.sandboxes = number);
    }

    /// An event waits, or does not any more.
    pub(super) fn queued(&self, function: &str, more: bool) {
        self.count(function, |counted| {
            counted.queued = if more {
                counted.queued + 1
            } else {
                counted.queued.saturating_sub(1)
            };
        });
    }

    /// All of it as text.
    #[must_use]
    pub fn text(&self) -> String {
        let functions = self.functions();
        let mut text = Text::default();
        let all = || functions.iter();
        for (name, help, of) in COUNTERS {
            text.head(name, "counter", help);
            all().for_each(|(function, counted)| text.sample(name, function, None, of(counted)));
        }
        let name = "sam_rs_errors_total";
        text.head(
            name,
            "counter",
            "Invocations that failed, by the category of the error.",
        );
        for (function, counted) in all() {
            for (kind, count) in &counted.errors {
                text.sample(name, function, Some(("type", kind)), count);
            }
        }
        for (name, help, of) in GAUGES {
            text.head(name, "gauge", help);
            all().for_each(|(function, counted)| text.sample(name, function, None, of(counted)));
        }
        let name = "sam_rs_duration_seconds";
        text.head(name, "histogram", "How long invocations took.");
        all().for_each(|(function, counted)| text.histogram(name, function, &counted.durations));
        let name = "sam_rs_init_duration_seconds";
        text.head(name, "histogram", "How long initialisations took.");
        all().for_each(|(function, counted)| text.histogram(name, function, &counted.inits));
        text.0
    }
}

/// A name, what it is for, and where its number is.
type Kind = (&'static str, &'static str, fn(&Counted) -> u64);

const COUNTERS: [Kind; 3] = [
    (
        "sam_rs_invocations_total",
        "Invocations that have an outcome.",
        |one| one.invocations,
    ),
    (
        "sam_rs_throttles_total",
        "Invocations beyond the limit.",
        |one| one.throttles,
    ),
    (
        "sam_rs_start_failures_total",
        "Invocations that no sandbox could be started for.",
        |one| one.failures,
    ),
];
const GAUGES: [Kind; 2] = [
    ("sam_rs_sandboxes", "Sandboxes that there are.", |one| {
        one.sandboxes as u64
    }),
    (
        "sam_rs_queued_events",
        "Events that nobody waits for and that are not handled yet.",
        |one| one.queued as u64,
    ),
];

#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(
        &mut self,
        name: &str,
        function: &str,
        more: Option<(&str, &str)>,
        value: impl Display,
    ) {
        let labels = [Some(("function", function)), more];
        let labels = labels.into_iter().flatten().map(|(label, value)| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            format!("{label}=\"{}\"", value.replace('\n', "\\n"))
        });
        let labels = labels.collect::<Vec<_>>().join(",");
        let _ = writeln!(self.0, "{name}{{{labels}}} {value}");
    }

    fn histogram(&mut self, name: &str, function: &str, durations: &Durations) {
        let bucket = format!("{name}_bucket");
        for (count, bound) in durations.counts.iter().zip(BUCKETS) {
            self.sample(&bucket, function, Some(("le", &bound.to_string())), count);
        }
        self.sample(&bucket, function, Some(("le", "+Inf")), durations.all);
        let sum = durations.sum.as_secs_f64();
        self.sample(&format!("{name}_sum"), function, None, sum);
        self.sample(&format!("{name}_count"), function, None, durations.all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown_in_the_text_form() {
        let metrics = Metrics::default();
        metrics.ended("A", &Outcome::Lost(String::new()));
        metrics.refused("A", &Refused::Throttled { reserved: true });
        metrics.sandboxes("A", 2);
        metrics.count("A", |counted| {
            counted.durations.add(Duration::from_millis(3));
        });
        let text = metrics.text();
        for line in [
            "sam_rs_invocations_total{function=\"A\"} 1",
            "sam_rs_throttles_total{function=\"A\"} 1",
            "sam_rs_errors_total{function=\"A\",type=\"Lost\"} 1",
            "sam_rs_sandboxes{function=\"A\"} 2",
            "sam_rs_duration_seconds_bucket{function=\"A\",le=\"0.0025\"} 0",
            "sam_rs_duration_seconds_bucket{function=\"A\",le=\"0.005\"} 1",
            "sam_rs_duration_seconds_bucket{function=\"A\",le=\"+Inf\"} 1",
            "sam_rs_duration_seconds_sum{function=\"A\"} 0.003",
            "# TYPE sam_rs_duration_seconds histogram",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}: {text}");
        }
    }
}
