//! The platform's own lines of a log, in the service's words: as text, or as JSON where the function is configured so.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::{Value, json};

use super::event::{Failure, Init, InitEnd, LogLevel, PlatformLogs, Report};
use super::{LATEST, RequestId};

/// The line of an initialisation that begins. Which version of a runtime the service would have taken, nobody knows here:
/// in its place is the image.
#[must_use]
pub fn init_started(logs: PlatformLogs, init: &Init) -> Option<String> {
    let Init {
        runtime,
        image,
        function,
        initialization,
    } = init;
    match logs {
        // The service has no runtime for an image, and no word of it.
        _ if runtime.is_empty() => None,
        PlatformLogs::Text => Some(format!(
            "INIT_START Runtime Version: {runtime}\tRuntime Image: {image}"
        )),
        PlatformLogs::Json(level) => {
            let record = json!({
                "initializationType": initialization,
                "phase": "init",
                "runtimeVersion": runtime,
                "functionName": function,
                "functionVersion": LATEST,
            });
            (level <= LogLevel::Info).then(|| line("platform.initStart", &record))
        }
    }
}

/// The lines of an initialisation that is over; text only tells of one that failed.
#[must_use]
pub fn init_ended(logs: PlatformLogs, end: &InitEnd) -> Vec<String> {
    let phase = if end.again { "invoke" } else { "init" };
    match (logs, &end.failure) {
        (PlatformLogs::Text, Some(failure)) => {
            let (duration, status) = (millis(end.duration), status(failure));
            vec![format!(
                "INIT_REPORT Init Duration: {duration:.2} ms\tPhase: {phase}\t{status}"
            )]
        }
        (PlatformLogs::Text, None) => Vec::new(),
        (PlatformLogs::Json(level), failure) => {
            let kind = end.init.initialization;
            let mut record = json!({"initializationType": kind, "phase": phase});
            put_status(&mut record, failure.as_ref());
            let done = done(failure.is_some());
            let reported = if kind == "on-demand" {
                done
            } else {
                done.max(LogLevel::Info)
            };
            let mut lines = Vec::new();
            if level <= done {
                lines.push(line("platform.initRuntimeDone", &record));
            }
            if level <= reported {
                record["metrics"] = json!({"durationMs": round(millis(end.duration))});
                lines.push(line("platform.initReport", &record));
            }
            lines
        }
    }
}

/// The level of a record that something is done: what went well is for whoever wants to know more.
fn done(failed: bool) -> LogLevel {
    if failed {
        LogLevel::Warn
    } else {
        LogLevel::Debug
    }
}

/// The line of an invocation that begins.
#[must_use]
pub fn started(logs: PlatformLogs, id: &RequestId) -> Option<String> {
    match logs {
        PlatformLogs::Text => Some(format!("START RequestId: {id} Version: {LATEST}")),
        PlatformLogs::Json(level) => {
            let record = json!({"requestId": id.as_str(), "version": LATEST});
            (level <= LogLevel::Info).then(|| line("platform.start", &record))
        }
    }
}

/// The lines of an invocation that is over.
#[must_use]
pub fn finished(logs: PlatformLogs, report: &Report) -> Vec<String> {
    match logs {
        PlatformLogs::Text => vec![
            format!("END RequestId: {}", report.request_id),
            text(report),
        ],
        PlatformLogs::Json(level) => {
            let failed = report.failure.is_some();
            let told = if failed {
                LogLevel::Warn
            } else {
                LogLevel::Info
            };
            let mut lines = Vec::new();
            if level <= done(failed) {
                let metrics = json!({"durationMs": round(millis(report.duration))});
                lines.push(line("platform.runtimeDone", &record(report, metrics)));
            }
            if level <= told {
                lines.push(line("platform.report", &record(report, metrics(report))));
            }
            lines
        }
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Two decimals, as in the text.
fn round(millis: f64) -> f64 {
    (millis * 100.0).round() / 100.0
}

/// A cold start is billed with its initialisation.
fn billed(report: &Report) -> u128 {
    let whole = report.duration + report.init.unwrap_or_default();
    whole.as_nanos().div_ceil(1_000_000)
}

/// Without a measurement the configured size is all that is known.
fn used(report: &Report) -> u64 {
    let megabytes = |bytes: u64| bytes.div_ceil(1024 * 1024);
    report.peak_memory.map_or(report.memory_size, megabytes)
}

/// The figures of an invocation, as the service names them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    duration_ms: f64,
    billed_duration_ms: u64,
    #[serde(rename = "memorySizeMB")]
    memory_size: u64,
    #[serde(rename = "maxMemoryUsedMB")]
    max_memory_used: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    init_duration_ms: Option<f64>,
}

impl Metrics {
    /// Of a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        Self {
            duration_ms: round(millis(report.duration)),
            billed_duration_ms: billed(report) as u64,
            memory_size: report.memory_size,
            max_memory_used: used(report),
            init_duration_ms: report.init.map(|init| round(millis(init))),
        }
    }
}

fn metrics(report: &Report) -> Value {
    serde_json::to_value(Metrics::of(report)).unwrap_or_default()
}

/// A line of a process in the sandbox; one that is an object of JSON stays one.
#[must_use]
pub fn output(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(object @ Value::Object(_)) => line("function", &object),
        _ => line("function", &text.into()),
    }
}

/// A line of this program's own: `note`, `warning` or `error`.
#[must_use]
pub fn own(kind: &str, text: &str) -> String {
    line(&format!("sam-rs.{kind}"), &text.into())
}

fn record(report: &Report, metrics: Value) -> Value {
    let mut record = json!({"requestId": report.request_id.as_str()});
    put_status(&mut record, report.failure.as_ref());
    record["metrics"] = metrics;
    if let Some(trace) = &report.trace {
        let (span, value) = (trace.field("Parent"), trace.as_str());
        record["tracing"] = json!({"spanId": span, "type": "X-Amzn-Trace-Id", "value": value});
    }
    record
}

fn put_status(record: &mut Value, failure: Option<&Failure>) {
    let (status, kind) = match failure {
        None => ("success", None),
        Some(Failure::Timeout) => ("timeout", None),
        Some(Failure::Error(kind)) => ("error", Some(kind)),
    };
    record["status"] = status.into();
    if let Some(kind) = kind {
        record["errorType"] = kind.as_str().into();
    }
}

fn status(failure: &Failure) -> String {
    match failure {
        Failure::Timeout => "Status: timeout\t".to_owned(),
        Failure::Error(kind) => format!("Status: error\tError Type: {kind}\t"),
    }
}

fn line(kind: &str, record: &Value) -> String {
    let time = timestamp(SystemTime::now());
    json!({"time": time, "type": kind, "record": record}).to_string()
}

/// The service's figures, in its order: every field is followed by a tab.
fn text(report: &Report) -> String {
    let mut line = format!(
        "REPORT RequestId: {}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {} MB\tMax Memory Used: {} MB\t",
        report.request_id,
        millis(report.duration),
        billed(report),
        report.memory_size,
        used(report)
    );
    let init = report.init.map(millis);
    line.extend(init.map(|init| format!("Init Duration: {init:.2} ms\t")));
    line.extend(report.failure.as_ref().map(status));
    if let Some(trace) = &report.trace {
        let field = |name| trace.field(name).unwrap_or_default();
        let (root, segment) = (field("Root"), field("Parent"));
        let _ = write!(
            line,
            "\nXRAY TraceId: {root}\tSegmentId: {segment}\tSampled: true\t"
        );
    }
    line
}

/// A moment as RFC 3339 has it, in UTC with milliseconds.
#[must_use]
pub fn timestamp(moment: SystemTime) -> String {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, rest) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date(days);
    let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
    let millis = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
}

/// The date of a day since 1970, counted in years that begin in March: then the day that leap years add is the last one.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            request_id: RequestId::random(),
            duration: Duration::from_micros(1234),
            init: Some(Duration::from_micros(133_100)),
            memory_size: 128,
            peak_memory: Some(36 * 1024 * 1024 + 1),
            failure: None,
            trace: None,
        }
    }

    #[test]
    fn the_report_has_the_service_s_order() {
        let report = report();
        let line = |report: &Report| text(report).replace(report.request_id.as_str(), "ID");
        assert_eq!(
            line(&report),
            "REPORT RequestId: ID\tDuration: 1.23 ms\tBilled Duration: 135 ms\tMemory Size: 128 MB\t\
             Max Memory Used: 37 MB\tInit Duration: 133.10 ms\t"
        );
        let report = Report {
            duration: Duration::from_secs(3),
            init: None,
            peak_memory: None,
            failure: Some(Failure::Timeout),
            ..report
        };
        assert!(
            line(&report).ends_with("Max Memory Used: 128 MB\tStatus: timeout\t"),
            "{}",
            line(&report)
        );
    }

    #[test]
    fn lines_of_json_depend_on_the_level() {
        let mut report = report();
        let kinds = |level: LogLevel, report: &Report| {
            let logs = PlatformLogs::Json(level);
            let lines = started(logs, &report.request_id).into_iter();
            let lines = lines.chain(finished(logs, report));
            let parsed = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
            parsed
                .map(|line| line["type"].as_str().unwrap().replace("platform.", ""))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            kinds(LogLevel::Debug, &report),
            ["start", "runtimeDone", "report"]
        );
        assert_eq!(kinds(LogLevel::Info, &report), ["start", "report"]);
        assert!(kinds(LogLevel::Warn, &report).is_empty());
        let line = finished(PlatformLogs::Json(LogLevel::Info), &report).remove(0);
        let record = &serde_json::from_str::<Value>(&line).unwrap()["record"];
        assert_eq!(record["status"], "success");
        let expected = json!({"durationMs": 1.23, "billedDurationMs": 135, "memorySizeMB": 128, "maxMemoryUsedMB": 37,
                              "initDurationMs": 133.1});
        assert_eq!(record["metrics"], expected);
        report.failure = Some(Failure::Error("Runtime.ExitError".to_owned()));
        assert_eq!(kinds(LogLevel::Warn, &report), ["runtimeDone", "report"]);
    }

    #[test]
    fn records_have_the_service_s_members() {
        let parsed = |line: &str| serde_json::from_str::<Value>(line).unwrap()["record"].clone();
        let init = Init {
            runtime: "python3.11".to_owned(),
            image: "image".to_owned(),
            function: "Hello".to_owned(),
            initialization: "on-demand",
        };
        let started_at = |level| init_started(PlatformLogs::Json(level), &init);
        let expected = json!({"initializationType": "on-demand", "phase": "init", "runtimeVersion": "python3.11",
                              "functionName": "Hello", "functionVersion": "$LATEST"});
        assert_eq!(parsed(&started_at(LogLevel::Info).unwrap()), expected);
        assert_eq!(started_at(LogLevel::Warn), None);
        let mut end = InitEnd {
            init,
            duration: Duration::from_millis(5),
            again: true,
            failure: None,
        };
        assert!(init_ended(PlatformLogs::Json(LogLevel::Info), &end).is_empty());
        end.failure = Some(Failure::Error("Runtime.ExitError".to_owned()));
        let lines = init_ended(PlatformLogs::Json(LogLevel::Warn), &end);
        let expected = json!({"initializationType": "on-demand", "phase": "invoke", "status": "error",
                              "errorType": "Runtime.ExitError", "metrics": {"durationMs": 5.0}});
        assert_eq!((lines.len(), parsed(&lines[1])), (2, expected));
        let mut report = report();
        report.trace = Some(crate::lambda::TraceId::random(true));
        report.failure = end.failure;
        let line = finished(PlatformLogs::Json(LogLevel::Debug), &report).remove(1);
        let record = parsed(&line);
        let trace = report.trace.unwrap();
        let expected = json!({"spanId": trace.field("Parent"), "type": "X-Amzn-Trace-Id", "value": trace.as_str()});
        assert_eq!(
            (&record["tracing"], &record["errorType"]),
            (&expected, &"Runtime.ExitError".into())
        );
        let line = started(PlatformLogs::Json(LogLevel::Info), &report.request_id).unwrap();
        let expected = json!({"requestId": report.request_id.as_str(), "version": "$LATEST"});
        assert_eq!(parsed(&line), expected);
    }

    #[test]
    fn moments_are_written_as_the_service_does() {
        let at = |seconds: u64| timestamp(UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 7));
        assert_eq!(at(0), "1970-01-01T00:00:00.007Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00.007Z");
        assert_eq!(at(1_735_689_599), "2024-12-31T23:59:59.007Z");
    }
}
