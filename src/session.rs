//! One run of a command, from its settings to its exit code: what is shown where, and how it ends. Knows no command.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{self, LogArgs};
use crate::error::Error;
use crate::exit::Exit;
use crate::lambda::event::Event;
use crate::lambda::{Events, LogFormat, Output};
use crate::report::{Form, Reporter, Streams, Writer};
use crate::settings::{Common, SettingsError};
use crate::shutdown::Shutdown;

/// How long clean-up may take once the process was asked to end.
const FAREWELL: Duration = Duration::from_millis(900);
/// How long the last words may take then: whoever reads them may have stopped.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// A run under way.
#[derive(Debug)]
pub struct Session {
    /// What is told of it.
    pub events: Events,
    /// Whether what is told takes colours.
    pub styled: bool,
    /// The command line: how its command is used is for whoever did it wrong.
    arguments: Vec<OsString>,
}

impl Session {
    /// A run that shows what it is told.
    #[must_use]
    pub fn begin(
        streams: Streams,
        log_file: Option<Writer>,
        form: Form,
        arguments: Vec<OsString>,
    ) -> Self {
        let styled = streams.styled && form.logs == LogFormat::Text;
        let (events, event_rx) = Events::channel();
        // Not among the tasks that the end waits for: it goes on to show what they say.
        TaskTracker::new().spawn(Reporter::new(streams, log_file, form).run(event_rx));
        Self {
            events,
            styled,
            arguments,
        }
    }

    /// Finds out what a command's settings are, and begins its run. Files may be slow to come, from a pipe too, so that is
    /// done beside the signals: None when the process was asked to end meanwhile.
    pub async fn settle<S: Send + 'static>(
        (streams, arguments): (Streams, Vec<OsString>),
        log: &LogArgs,
        resolve: impl FnOnce() -> Result<S, SettingsError> + Send + 'static,
        facts: fn(&S) -> (&Common, Output),
        shutdown: &Shutdown,
    ) -> (Self, Option<Result<S, Error>>) {
        if log.debug {
            trace(streams.styled);
        }
        let span = tracing::debug_span!("settings");
        let resolved = tokio::task::spawn_blocking(move || span.in_scope(resolve));
        let resolved = tokio::select! {
            resolved = resolved => Some(resolved),
            _ = shutdown.requested() => None,
        };
        let settings = resolved.map(|resolved| match resolved {
            Ok(settings) => settings.map_err(Error::from),
            Err(source) => Err(Error::Process {
                action: "reading the settings",
                source: io::Error::other(source),
            }),
        });
        let (mut log_file, mut wrong) = (None, None);
        let mut form = Form {
            output: Output::Text,
            logs: log.log_format.unwrap_or_default(),
        };
        if let Some(Ok(settings)) = &settings {
            let (common, output) = facts(settings);
            if common.debug {
                trace(streams.styled);
            }
            form.output = output;
            form.logs = common.log_format;
            match common.log_file.as_deref().map(open_log).transpose() {
                Ok(opened) => log_file = opened,
                Err(error) => wrong = Some(error),
            }
        }
        let session = Self::begin(streams, log_file, form, arguments);
        let settings = match wrong {
            Some(error) => Some(Err(error)),
            None => settings,
        };
        (session, settings)
    }

    /// Ends the run: tells of an error, and waits until everything has been written.
    pub async fn conclude(self, result: Result<Exit, Error>, shutdown: &Shutdown) -> Exit {
        if shutdown.interrupted().is_some() {
            // The tasks of sandboxes end what they have started.
            shutdown.finish(FAREWELL).await;
        }
        let exit = result.unwrap_or_else(|error| {
            self.tell(&error);
            error.exit()
        });
        match self.flush(shutdown).await {
            // Whoever read the answer has read enough.
            Ok(()) => exit,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit,
            Err(source) => {
                self.tell(&unwritten(source));
                let _ = self.flush(shutdown).await;
                Exit::Failure
            }
        }
    }

    fn tell(&self, error: &Error) {
        let text = error.render(self.styled);
        let usage = if error.exit() == Exit::Usage {
            cli::usage(&self.arguments)
        } else {
            String::new()
        };
        let text = format!("{usage}{}", text.trim_end());
        self.events.send(Event::Error(text));
    }

    /// Waits for the writing however long it takes, a reader may be slow; but not for long once the end is asked for.
    async fn flush(&self, shutdown: &Shutdown) -> io::Result<()> {
        let (reached_tx, reached_rx) = oneshot::channel();
        self.events.send(Event::Flush(reached_tx));
        let impatient = async {
            shutdown.requested().await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        tokio::select! {
            written = reached_rx => written.unwrap_or(Ok(())),
            () = impatient => Ok(()),
        }
    }
}

/// Prints data and nothing else.
///
/// # Errors
/// It cannot be written; a reader that has read enough is none.
pub async fn print(data: &[u8], streams: &mut Streams) -> Result<Exit, Error> {
    let written = async {
        streams.stdout.write_all(data).await?;
        streams.stdout.flush().await
    };
    match written.await {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => Err(unwritten(source)),
        _ => Ok(Exit::Success),
    }
}

fn unwritten(source: io::Error) -> Error {
    Error::Process {
        action: "writing the result",
        source,
    }
}

fn open_log(path: &Path) -> Result<Writer, Error> {
    let file = std::fs::File::create(path);
    let fail = |source| Error::File {
        action: "writing the log file",
        path: path.to_owned(),
        source,
    };
    Ok(Box::new(tokio::fs::File::from_std(file.map_err(fail)?)))
}

/// Shows what the program tells of itself, and how long each part of the run took.
fn trace(styled: bool) {
    // Of the libraries nothing: an engine's answers hold the environment of images.
    let own = Targets::new().with_target(env!("CARGO_CRATE_NAME"), Level::DEBUG);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(styled)
        .with_timer(tracing_subscriber::fmt::time::uptime())
        .with_span_events(FmtSpan::CLOSE)
        .with_filter(own);
    // Only a second call in one process can fail, and the first one serves it.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}
