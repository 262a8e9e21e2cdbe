//! An invocation as one line of JSON, for machines: the answer, how it ended, its figures and what the function logged.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::lines::Lines;
use crate::lambda::event::{Answered, Report};
use crate::lambda::platform::Metrics;

/// Bytes of a function's log that a line has; the last ones.
const MAX_LOGS: usize = 4 << 20;

/// The line, in its order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    request_id: &'a str,
    function: &'a str,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Metrics>,
    logs: Vec<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    logs_truncated: bool,
}

/// Puts lines together of what comes one after the other: output, answer and figures.
#[derive(Default)]
pub(super) struct Envelopes {
    lines: Lines,
    logs: Vec<u8>,
    truncated: bool,
    answered: Option<Answered>,
    report: Option<Report>,
}

impl Envelopes {
    /// Takes output of the function.
    pub(super) fn log(&mut self, source: u64, bytes: &[u8]) {
        let text = self.lines.output(source, bytes);
        self.keep(&text);
    }

    fn keep(&mut self, text: &[u8]) {
        self.logs.extend_from_slice(text);
        if self.logs.len() > 2 * MAX_LOGS {
            self.logs.drain(..self.logs.len() - MAX_LOGS);
            self.truncated = true;
        }
    }

    /// Takes an answer; the line of the one before, if its invocation was never over.
    pub(super) fn answered(&mut self, answered: Answered) -> Option<String> {
        let before = self.rest();
        self.report
            .take_if(|report| report.request_id != answered.request_id);
        self.answered = Some(answered);
        before.or_else(|| self.whole())
    }

    /// Takes the figures of an invocation that is over.
    pub(super) fn finished(&mut self, report: &Report) -> Option<String> {
        self.report = Some(report.clone());
        self.whole()
    }

    /// The line of an answer whose figures are here.
    fn whole(&mut self) -> Option<String> {
        let (answered, report) = (self.answered.as_ref()?, self.report.as_ref()?);
        let together = answered.request_id == report.request_id;
        together.then(|| self.rest()).flatten()
    }

    /// The line of an answer, with figures or without.
    pub(super) fn rest(&mut self) -> Option<String> {
        let answered = self.answered.take()?;
        let held = self.lines.finish();
        self.keep(&held);
        let logs = std::mem::take(&mut self.logs);
        let logs = String::from_utf8_lossy(&logs);
        let report = self.report.take();
        let (payload, payload_base64) = payload(&answered.payload);
        let envelope = Envelope {
            request_id: answered.request_id.as_str(),
            function: &answered.function,
            status: answered.status,
            error_type: answered.error_type.as_deref(),
            payload,
            payload_base64,
            metrics: report.as_ref().map(Metrics::of),
            logs: logs.lines().collect(),
            logs_truncated: std::mem::take(&mut self.truncated),
        };
        let line = serde_json::to_string(&envelope).unwrap_or_default();
        Some(line + "\n")
    }
}

/// JSON in an answer stays as it is, numbers too; other text is a string, the rest base64.
fn payload(bytes: &[u8]) -> (Option<Box<RawValue>>, Option<String>) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return (None, Some(BASE64_STANDARD.encode(bytes)));
    };
    let json = match serde_json::from_str::<&RawValue>(text) {
        // Line breaks in JSON are outside of its strings.
        Ok(json) => RawValue::from_string(json.get().replace(['\r', '\n'], " ")),
        Err(_) => to_raw_value(text),
    };
    (json.ok(), None)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lambda::RequestId;

    fn answered(id: &RequestId, payload: &'static [u8]) -> Answered {
        Answered {
            request_id: id.clone(),
            function: "F".into(),
            status: "success",
            error_type: None,
            payload: payload.into(),
        }
    }

    fn report(id: &RequestId) -> Report {
        Report {
            request_id: id.clone(),
            duration: Duration::from_micros(1500),
            init: Some(Duration::from_millis(30)),
            memory_size: 128,
            peak_memory: Some(7 << 20),
            failure: None,
            trace: None,
        }
    }

    #[test]
    fn answers_of_any_kind_fit_into_a_line() {
        let id = RequestId::random();
        let of = |payload: &'static [u8]| {
            let mut envelopes = Envelopes::default();
            assert_eq!(envelopes.answered(answered(&id, payload)), None);
            envelopes.rest().unwrap()
        };
        let expected = |rest: &str| {
            format!(
                "{{\"requestId\":\"{id}\",\"function\":\"F\",\"status\":\"success\",{rest},\"logs\":[]}}\n"
            )
        };
        assert_eq!(
            of(b"{\"a\":\n 1.0e3}"),
            expected("\"payload\":{\"a\":  1.0e3}")
        );
        assert_eq!(of(b"a\nb"), expected("\"payload\":\"a\\nb\""));
        assert_eq!(of(b""), expected("\"payload\":\"\""));
        assert_eq!(of(b"\xff"), expected("\"payloadBase64\":\"/w==\""));
    }

    #[test]
    fn answer_and_figures_come_in_any_order() {
        let id = RequestId::random();
        let expected = "\"payload\":1,\"metrics\":{\"durationMs\":1.5,\"billedDurationMs\":32,\"memorySizeMB\":128,\"maxMemoryUsedMB\":7,\
                        \"initDurationMs\":30.0},\"logs\":[\"a\",\"b\"]}\n";
        for answer_first in [true, false] {
            let mut envelopes = Envelopes::default();
            envelopes.log(1, b"a\nb");
            let line = if answer_first {
                assert_eq!(envelopes.answered(answered(&id, b"1")), None);
                envelopes.finished(&report(&id))
            } else {
                assert_eq!(envelopes.finished(&report(&id)), None);
                envelopes.answered(answered(&id, b"1"))
            };
            assert!(line.as_ref().unwrap().ends_with(expected), "{line:?}");
            assert_eq!(envelopes.rest(), None);
        }
    }

    #[test]
    fn the_end_of_a_long_log_is_kept() {
        let id = RequestId::random();
        let mut envelopes = Envelopes::default();
        for _ in 0..20 {
            envelopes.log(1, &[&vec![b'x'; 1 << 19][..], b"\n"].concat());
        }
        envelopes.answered(answered(&id, b"1"));
        let line = envelopes.rest().unwrap();
        assert!(line.len() < 3 * MAX_LOGS && line.ends_with(",\"logsTruncated\":true}\n"));
    }
}
