//! `sam-rs` runs AWS Lambda functions on a developer's machine, in containers.

pub mod channel;
pub mod cli;
pub mod command;
pub mod engine;
pub mod env;
pub mod error;
pub mod exit;
pub mod function;
pub mod lambda;
pub mod report;
pub mod runtime_api;
pub mod sandbox;
pub mod settings;
pub mod shutdown;
pub mod template;

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use tokio::sync::oneshot;

use crate::cli::{App, Command, InvokeArgs, Local};
use crate::env::Env;
use crate::error::Error;
use crate::exit::Exit;
use crate::lambda::Events;
use crate::lambda::event::Event;
use crate::report::{Reporter, Streams};
use crate::settings::Invoke;
use crate::shutdown::Shutdown;

/// How long clean-up may take once the process was asked to end.
const FAREWELL: Duration = Duration::from_millis(900);
/// How long the last words may take: whoever reads them may have stopped.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Runs the program: everything but the process itself, whose arguments, environment, streams and signals come in.
pub async fn run(arguments: Vec<OsString>, env: Env, streams: Streams, shutdown: Shutdown) -> Exit {
    if arguments
        .get(1)
        .is_some_and(|argument| argument == engine::reaper::ARGUMENT)
    {
        let address = arguments
            .get(2)
            .map(|address| address.to_string_lossy().into_owned())
            .unwrap_or_default();
        engine::reaper::main(&address).await;
        return Exit::Success;
    }
    let app = match App::try_parse_from(arguments) {
        Ok(app) => app,
        Err(error) => {
            // Help goes to standard output, a mistake to standard error; neither matters to who has gone away.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            };
        }
    };
    let Command::Local(Local::Invoke(args)) = app.command;
    invoke(&args, &env, streams, &shutdown).await
}

async fn invoke(args: &InvokeArgs, env: &Env, streams: Streams, shutdown: &Shutdown) -> Exit {
    if settings::debug(args, env) {
        trace(streams.styled);
    }
    let styled = streams.styled;
    let settings = Invoke::resolve(args, env).map_err(Error::from);
    let log_file = settings
        .as_ref()
        .ok()
        .and_then(|settings| settings.log_file.as_deref());
    let opened = log_file.map(open_log).transpose();
    let (events, event_rx) = Events::channel();
    let (log_file, settings) = match opened {
        Ok(log_file) => (log_file, settings),
        Err(error) => (None, Err(error)),
    };
    shutdown
        .tasks
        .spawn(Reporter::new(streams, log_file).run(event_rx));
    let result = match &settings {
        Ok(settings) => command::local_invoke(settings, env, &events, shutdown).await,
        Err(_) => Ok(Exit::Failure),
    };
    let result = settings.and(result);
    if shutdown.interrupted().is_some() {
        // The sandbox's task ends what it has started.
        shutdown.finish(FAREWELL).await;
    }
    conclude(result, &events, styled).await
}

/// Tells of an error and waits until everything has been written.
async fn conclude(result: Result<Exit, Error>, events: &Events, styled: bool) -> Exit {
    let exit = result.unwrap_or_else(|error| {
        events.note(error.render(styled).trim_end());
        error.exit()
    });
    match flush(events).await {
        // Whoever read the answer has read enough.
        Ok(()) => exit,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit,
        Err(source) => {
            events.note(
                Error::Process {
                    action: "writing the result",
                    source,
                }
                .render(styled)
                .trim_end(),
            );
            let _ = flush(events).await;
            Exit::Failure
        }
    }
}

async fn flush(events: &Events) -> io::Result<()> {
    let (reached_tx, reached_rx) = oneshot::channel();
    events.send(Event::Flush(reached_tx));
    match tokio::time::timeout(LAST_WORDS, reached_rx).await {
        Ok(Ok(written)) => written,
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

fn open_log(path: &Path) -> Result<report::Writer, Error> {
    let file = std::fs::File::create(path);
    let fail = |source| Error::File {
        action: "writing the log file",
        path: path.to_owned(),
        source,
    };
    Ok(Box::new(tokio::fs::File::from_std(file.map_err(fail)?)))
}

fn trace(styled: bool) {
    let filter = tracing_subscriber::EnvFilter::new("sam_rs=debug,bollard=debug");
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(styled);
    // Only a second call in one process can fail, and the first one serves it.
    let _ = subscriber.try_init();
}
