//! Events as text, in the service's words and SAM CLI's places.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::envelope::Envelopes;
use super::lines::Lines;
use super::output::{Form, Streams, Writer};
use super::pull::PullDisplay;
use crate::lambda::event::{Event, LogLevel, PlatformLogs};
use crate::lambda::{LogFormat, Output, platform};

/// How long the beginning of a line waits for its end before it is shown without.
const PATIENCE: Duration = Duration::from_millis(200);

/// Bytes of the log that are written together at most, or a little more.
const PENDING: usize = 64 << 10;

/// Writes events until no more can come.
pub struct Reporter {
    streams: Streams,
    /// Takes the function's output, the figures and the answer, instead of the terminal.
    log_file: Option<Writer>,
    lines: Lines,
    pull: PullDisplay,
    answered: bool,
    /// Bytes of the log that are not written yet.
    pending: Vec<u8>,
    platform: PlatformLogs,
    form: Form,
    envelopes: Envelopes,
}

impl Reporter {
    /// A reporter on the process's streams and, where there is one, the log file.
    #[must_use]
    pub fn new(streams: Streams, log_file: Option<Writer>, form: Form) -> Self {
        Self {
            streams,
            log_file,
            lines: Lines::default(),
            pull: PullDisplay::default(),
            answered: false,
            pending: Vec::new(),
            platform: match form.logs {
                LogFormat::Text => PlatformLogs::Text,
                LogFormat::Json => PlatformLogs::Json(LogLevel::Debug),
            },
            form,
            envelopes: Envelopes::default(),
        }
    }

    /// Writes every event, until no more can come.
    pub async fn run(mut self, mut event_rx: mpsc::UnboundedReceiver<Event>) {
        let mut answer = Ok(());
        while let Some(event) = self.next(&mut event_rx).await {
            match event {
                Event::Flush(reached_tx) => {
                    let rest = self.lines.finish();
                    self.log(&rest).await;
                    let last = self.envelopes.rest();
                    let written = self.envelope(last).await;
                    answer = answer.and(written);
                    self.write_pending().await;
                    let _ = reached_tx.send(std::mem::replace(&mut answer, Ok(())));
                }
                Event::Written(written_tx) => _ = written_tx.send(answer.is_ok()),
                event => {
                    let written = self.write(event).await;
                    answer = answer.and(written);
                }
            }
        }
    }

    /// The next event. What is held back for the rest of its line is shown when none comes for a while.
    async fn next(&mut self, event_rx: &mut mpsc::UnboundedReceiver<Event>) -> Option<Event> {
        // A line of JSON has a whole line in it.
        if self.lines.holds() && self.form.logs == LogFormat::Text {
            if event_rx.is_empty() {
                self.write_pending().await;
            }
            if let Ok(event) = tokio::time::timeout(PATIENCE, event_rx.recv()).await {
                return event;
            }
            let text = self.lines.idle();
            self.log(&text).await;
        }
        if event_rx.is_empty() {
            self.write_pending().await;
        }
        event_rx.recv().await
    }

    /// Only a failure of the answer's stream is an error: the rest is for people who have gone away.
    async fn write(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Note(text) => self.note("note", &text).await,
            Event::Warning(text) => self.warning(&text).await,
            Event::Error(text) => self.note("error", &text).await,
            Event::Pull(pull) => {
                if let Some(line) = self.pull.show(&pull, self.streams.stderr_is_terminal) {
                    self.note("note", &line).await;
                }
            }
            Event::Log { source, bytes } => {
                if self.form.output == Output::Json {
                    self.envelopes.log(source, &bytes);
                }
                let text = self.lines.output(source, &bytes);
                self.log(&text).await;
            }
            Event::InitStarted(init) => {
                if let Some(line) = platform::init_started(self.platform, &init) {
                    self.line(&line).await;
                }
            }
            Event::InitEnded(end) => {
                for line in platform::init_ended(self.platform, &end) {
                    self.line(&line).await;
                }
            }
            Event::Started { request_id } => {
                if let Some(line) = platform::started(self.platform, &request_id) {
                    self.line(&line).await;
                }
            }
            Event::Finished(report) => {
                for line in platform::finished(self.platform, &report) {
                    self.line(&line).await;
                }
                let line = self.envelopes.finished(&report);
                return self.envelope(line).await;
            }
            Event::Logs(platform) => {
                if self.form.logs == LogFormat::Text {
                    self.platform = platform;
                }
            }
            Event::Answered(answered) => {
                let line = self.envelopes.answered(answered);
                return self.envelope(line).await;
            }
            Event::Answer(bytes) => return self.answer(&bytes).await,
            Event::AnswerEnd => return self.end_answer().await,
            Event::Written(_) | Event::Flush(_) => {}
        }
        Ok(())
    }

    async fn warning(&mut self, text: &str) {
        match self.form.logs {
            LogFormat::Text => self.note("warning", &format!("Warning: {text}")).await,
            LogFormat::Json => self.note("warning", text).await,
        }
    }

    /// A line of the program's own, always for the terminal.
    async fn note(&mut self, kind: &str, text: &str) {
        if self.pull.write_above(text) {
            return;
        }
        let held = match &self.log_file {
            Some(_) => Vec::new(),
            None => self.lines.finish(),
        };
        let mut bytes = self.formed(&held);
        match self.form.logs {
            LogFormat::Text => bytes.extend_from_slice(text.as_bytes()),
            LogFormat::Json => bytes.extend(platform::own(kind, text).into_bytes()),
        }
        bytes.push(b'\n');
        self.write_pending().await;
        let _ = self.streams.stderr.write_all(&bytes).await;
        let _ = self.streams.stderr.flush().await;
    }

    /// A line of the function's log.
    async fn line(&mut self, text: &str) {
        let held = self.lines.finish();
        let mut bytes = self.formed(&held);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(b'\n');
        self.write_log(&bytes).await;
    }

    /// Output of the function.
    async fn log(&mut self, bytes: &[u8]) {
        let bytes = self.formed(bytes);
        self.write_log(&bytes).await;
    }

    /// Output of the function in the form of logs: whole lines, where each becomes an object.
    fn formed(&self, bytes: &[u8]) -> Vec<u8> {
        if self.form.logs == LogFormat::Text {
            return bytes.to_vec();
        }
        let text = String::from_utf8_lossy(bytes);
        let lines = text.lines().map(|line| platform::output(line) + "\n");
        lines.collect::<String>().into_bytes()
    }

    async fn write_log(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= PENDING {
            self.write_pending().await;
        }
    }

    /// Writes what is pending of the log. It goes out when there is nothing else to do, and before anything else that
    /// is written: every write costs as much as an invocation's other calls to the kernel.
    async fn write_pending(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.pending);
        let writer = self.log_file.as_mut().unwrap_or(&mut self.streams.stderr);
        let _ = writer.write_all(&bytes).await;
        let _ = writer.flush().await;
    }

    async fn answer(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.answered |= !bytes.is_empty();
        self.write_pending().await;
        let writer = self.log_file.as_mut().unwrap_or(&mut self.streams.stdout);
        writer.write_all(bytes).await?;
        writer.flush().await
    }

    async fn envelope(&mut self, line: Option<String>) -> io::Result<()> {
        match line {
            Some(line) => self.answer(line.as_bytes()).await,
            None => Ok(()),
        }
    }

    /// A newline after the answer goes where it is not part of it: to the terminal, or to standard error.
    async fn end_answer(&mut self) -> io::Result<()> {
        if self.log_file.is_some() || self.streams.stdout_is_terminal {
            self.write_pending().await;
        }
        match &mut self.log_file {
            Some(file) => _ = file.write_all(b"\n").await,
            None if self.streams.stdout_is_terminal && self.answered => {
                self.streams.stdout.write_all(b"\n").await?;
                self.streams.stdout.flush().await?;
            }
            None if self.form.logs == LogFormat::Text => self.write_log(b"\n").await,
            None => {}
        }
        Ok(())
    }
}
