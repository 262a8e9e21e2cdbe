//! Events as text, in the service's words and SAM CLI's places.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::lines::Lines;
use super::output::{Streams, Writer};
use super::platform;
use super::pull::PullDisplay;
use crate::lambda::event::{Event, PlatformLogs};

/// How long the beginning of a line waits for its end before it is shown without.
const PATIENCE: Duration = Duration::from_millis(50);

/// Writes events until no more can come.
pub struct Reporter {
    streams: Streams,
    /// Takes the function's output, the figures and the answer, instead of the terminal.
    log_file: Option<Writer>,
    lines: Lines,
    pull: PullDisplay,
    answered: bool,
    platform: PlatformLogs,
}

impl Reporter {
    /// A reporter on the process's streams and, where there is one, the log file.
    #[must_use]
    pub fn new(streams: Streams, log_file: Option<Writer>) -> Self {
        Self {
            streams,
            log_file,
            lines: Lines::default(),
            pull: PullDisplay::default(),
            answered: false,
            platform: PlatformLogs::Text,
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
        if self.lines.holds() {
            if let Ok(event) = tokio::time::timeout(PATIENCE, event_rx.recv()).await {
                return event;
            }
            let text = self.lines.idle();
            self.log(&text).await;
        }
        event_rx.recv().await
    }

    /// Only a failure of the answer's stream is an error: the rest is for people who have gone away.
    async fn write(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Note(text) => self.note(&text).await,
            Event::Warning(text) => self.note(&format!("Warning: {text}")).await,
            Event::Pull(pull) => {
                if let Some(line) = self.pull.show(&pull, self.streams.stderr_is_terminal) {
                    self.note(&line).await;
                }
            }
            Event::Log { source, bytes } => {
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
            }
            Event::Logs(platform) => self.platform = platform,
            Event::Answer(bytes) => return self.answer(&bytes).await,
            Event::AnswerEnd => return self.end_answer().await,
            Event::Written(_) | Event::Flush(_) => {}
        }
        Ok(())
    }

    /// A line of the program's own, always for the terminal.
    async fn note(&mut self, text: &str) {
        if self.pull.write_above(text) {
            return;
        }
        let mut bytes = match &self.log_file {
            Some(_) => Vec::new(),
            None => self.lines.finish(),
        };
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(b'\n');
        let _ = self.streams.stderr.write_all(&bytes).await;
        let _ = self.streams.stderr.flush().await;
    }

    /// A line of the function's log.
    async fn line(&mut self, text: &str) {
        let bytes = self.lines.line(text);
        self.log(&bytes).await;
    }

    async fn log(&mut self, bytes: &[u8]) {
        let writer = self.log_file.as_mut().unwrap_or(&mut self.streams.stderr);
        let _ = writer.write_all(bytes).await;
        let _ = writer.flush().await;
    }

    async fn answer(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.answered |= !bytes.is_empty();
        let writer = self.log_file.as_mut().unwrap_or(&mut self.streams.stdout);
        writer.write_all(bytes).await?;
        writer.flush().await
    }

    /// A newline after the answer goes where it is not part of it: to the terminal, or to standard error.
    async fn end_answer(&mut self) -> io::Result<()> {
        match &mut self.log_file {
            Some(file) => _ = file.write_all(b"\n").await,
            None if self.streams.stdout_is_terminal && self.answered => {
                self.streams.stdout.write_all(b"\n").await?;
                self.streams.stdout.flush().await?;
            }
            None => self.log(b"\n").await,
        }
        Ok(())
    }
}
