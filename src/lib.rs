//! `sam-rs` runs AWS Lambda functions on a developer's machine, in containers.
//!
//! This page is the map of the program. Data flows from left to right; no two modules import each other, and a test
//! reads the sources to keep it so:
//!
//! ```text
//! cli -> settings -> template -> function -> sandbox(engine + channel + runtime_api) -> report
//!                                                `-- front door: command
//! ```
//!
//! # What a run does
//!
//! 1. [`cli`] is the command line's syntax. [`settings`] decides what the user meant: one expression a setting, from the
//!    command line, the environment ([`env`](mod@env)), `samconfig.toml` and a default, in that order.
//! 2. [`template`] reads YAML or JSON into a tree in which every node knows its place, merges `Globals`, and resolves
//!    intrinsics against a scope. What cannot be resolved is a value too, so that only the property suffers that needs it.
//! 3. [`function`](mod@function) is what is left of a resource: fully resolved, immutable, nothing optional that always
//!    has a value. It also layers the environment that the function sees.
//! 4. [`engine`] is the seam to whatever isolates a function: it makes sure that an image is here, starts the supervisor
//!    where the function shall live, and yields a duplex byte stream to it. [`engine::docker`] is the only one so far.
//! 5. [`channel`] makes many streams, process verbs and logs of that byte stream. The other end is the supervisor, a
//!    small static program of its own (`src/supervisor`) that `build.rs` compiles and embeds.
//! 6. [`runtime_api`] is the server that the runtime talks to: routes and error bodies, a state machine without input or
//!    output, and hyper around them.
//! 7. [`sandbox`] owns one execution environment: a task that gathers what the channel, the Runtime API and the clock
//!    say, and decides what follows. Its verbs are start, invoke and stop; an invocation ends in exactly one
//!    [`lambda::Outcome`].
//! 8. [`report`] shows the events that all of them send, and is the only writer of both streams. [`command`] wires the
//!    parts of one subcommand together. [`exit`] chooses the exit code, [`error`] renders what ends the program early.
//!
//! [`lambda`] is the vocabulary of the service that all of them share; [`shutdown`] turns signals into one token.
//!
//! # The supervisor
//!
//! ```text
//! sam-rs  -- Runtime API server -- channel == supervisor -- 127.0.0.1:9001 -- runtime
//!            (hyper, in process)   (frames)   (in the sandbox)  (plain TCP)
//! ```
//!
//! The supervisor is the container's entry point. It starts the runtime as it is told, accepts the runtime's connections
//! on the sandbox's own loopback, and carries them, the processes' output and their ends over one channel. So nothing of
//! ours listens on a network, and a container without any network works like every other.
//!
//! - *Transport.* sam-rs listens on a Unix socket in a directory that is mounted into the container, and is attached to
//!   its standard streams. The supervisor tries the socket, and speaks on the standard streams where it cannot be
//!   reached; whichever speaks first is the channel. Where the engine does not see this machine's files, supervisor and
//!   code are copied into the container instead of mounted, and the standard streams are the channel.
//! - *Order.* Before the supervisor passes on what a runtime sent, it drains the processes' output. Everything that a
//!   function wrote before it answered is ahead of the answer, without a wait anywhere.
//! - *Back-pressure.* Every stream has a window of credit, logs too; a slow reader holds back only its stream.
//! - *Death.* When sam-rs is gone, in whatever way, the channel ends: the supervisor kills everything and ends, and the
//!   engine removes the container. What `kill -9` hits before the supervisor runs is removed by the
//!   [reaper](engine::reaper), a second process that learns beforehand what is about to be made.
//!
//! What of Lambda's execution environment is here, and which test shows it, is listed in [`conformance`].
//!
//! # Errors
//!
//! Every error has one form: what failed, where, and what to do. The text starts with SAM CLI's words where it has any,
//! because those are what people search for; then come the place in the file, with its line, and a hint. Texts are
//! fragments that read after `Error: `; they name things as the user wrote them, and never the program's insides. A
//! function that fails is an outcome and not an error.

#[doc = include_str!("conformance.md")]
pub mod conformance {}
pub mod aws;
pub mod channel;
pub mod cli;
pub mod command;
pub mod content;
pub mod engine;
pub mod env;
pub mod error;
pub mod exit;
pub mod function;
pub mod lambda;
pub mod near;
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

use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{Command, InvokeArgs, Local, Unread};
use crate::env::Env;
use crate::error::Error;
use crate::exit::Exit;
use crate::lambda::event::Event;
use crate::lambda::{Events, LogFormat, Output};
use crate::report::{Form, Reporter, Streams};
use crate::settings::{Invoke, SettingsError};
use crate::shutdown::Shutdown;

/// How long clean-up may take once the process was asked to end.
const FAREWELL: Duration = Duration::from_millis(900);
/// How long the last words may take then: whoever reads them may have stopped.
const LAST_WORDS: Duration = Duration::from_millis(300);

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
        engine::reaper::main(&address, &env).await;
        return Exit::Success;
    }
    if let Some(candidates) = command::completions::answer(&arguments, &env) {
        return print(&candidates, streams, &shutdown).await;
    }
    let app = match cli::parse(&arguments) {
        Ok(app) => app,
        Err(unread) => return misunderstood(unread, streams, &shutdown).await,
    };
    match app.command {
        Command::Local(Local::Invoke(args)) => invoke(&args, &env, streams, &shutdown).await,
        Command::Completions(args) => match command::completions::script(args.shell) {
            Ok(script) => print(&script, streams, &shutdown).await,
            Err(_) => Exit::Failure,
        },
        Command::ManPages(args) => {
            let written = command::man_pages(&env.directory.join(&args.directory));
            simply(written.map(|()| Exit::Success), streams, &shutdown).await
        }
    }
}

/// Prints data.
async fn print(data: &[u8], mut streams: Streams, shutdown: &Shutdown) -> Exit {
    let written = async {
        streams.stdout.write_all(data).await?;
        streams.stdout.flush().await
    };
    let result = match written.await {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => Err(Error::Process {
            action: "writing the result",
            source,
        }),
        _ => Ok(Exit::Success),
    };
    simply(result, streams, shutdown).await
}

/// Ends a command that has nothing to show but its error.
async fn simply(result: Result<Exit, Error>, streams: Streams, shutdown: &Shutdown) -> Exit {
    let styled = streams.styled;
    let (events, event_rx) = Events::channel();
    TaskTracker::new().spawn(Reporter::new(streams, None, Form::default()).run(event_rx));
    conclude(result, &events, shutdown, styled).await
}

/// Answers a request for help, on standard output, or tells of a mistake on the command line.
async fn misunderstood(unread: Unread, streams: Streams, shutdown: &Shutdown) -> Exit {
    let mistake = match unread {
        Unread::Mistake(mistake) => mistake,
        Unread::Help(help) => {
            // It does not matter to who has gone away.
            let _ = help.print();
            return if help.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            };
        }
    };
    simply(Err(SettingsError::Usage(mistake).into()), streams, shutdown).await
}

async fn invoke(args: &InvokeArgs, env: &Env, streams: Streams, shutdown: &Shutdown) -> Exit {
    let mut styled = streams.styled;
    if args.common.log.debug {
        trace(styled);
    }
    let settings = tracing::debug_span!("settings")
        .in_scope(|| Invoke::resolve(args, env))
        .map_err(Error::from);
    if settings
        .as_ref()
        .is_ok_and(|settings| settings.common.debug)
    {
        trace(styled);
    }
    let log_file = settings
        .as_ref()
        .ok()
        .and_then(|settings| settings.common.log_file.as_deref());
    let opened = log_file.map(open_log).transpose();
    let (events, event_rx) = Events::channel();
    let (log_file, settings) = match opened {
        Ok(log_file) => (log_file, settings),
        Err(error) => (None, Err(error)),
    };
    let form = match &settings {
        Ok(settings) => Form {
            output: settings.output,
            logs: settings.common.log_format,
        },
        Err(_) => Form {
            output: Output::Text,
            logs: args.common.log.log_format.unwrap_or_default(),
        },
    };
    styled &= form.logs == LogFormat::Text;
    // Not among the tasks that the end waits for: it goes on to show what they say.
    TaskTracker::new().spawn(Reporter::new(streams, log_file, form).run(event_rx));
    let result = match &settings {
        Ok(settings) => command::local_invoke(settings, env, &events, shutdown, styled).await,
        Err(_) => Ok(Exit::Failure),
    };
    let result = settings.and(result);
    if shutdown.interrupted().is_some() {
        // The sandbox's task ends what it has started.
        shutdown.finish(FAREWELL).await;
    }
    conclude(result, &events, shutdown, styled).await
}

/// Tells of an error and waits until everything has been written.
async fn conclude(
    result: Result<Exit, Error>,
    events: &Events,
    shutdown: &Shutdown,
    styled: bool,
) -> Exit {
    let exit = result.unwrap_or_else(|error| {
        events.send(Event::Error(error.render(styled).trim_end().to_owned()));
        error.exit()
    });
    match flush(events, shutdown).await {
        // Whoever read the answer has read enough.
        Ok(()) => exit,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit,
        Err(source) => {
            let error = Error::Process {
                action: "writing the result",
                source,
            };
            events.send(Event::Error(error.render(styled).trim_end().to_owned()));
            let _ = flush(events, shutdown).await;
            Exit::Failure
        }
    }
}

/// Waits for the writing however long it takes, a reader may be slow; but not for long once the end is asked for.
async fn flush(events: &Events, shutdown: &Shutdown) -> io::Result<()> {
    let (reached_tx, reached_rx) = oneshot::channel();
    events.send(Event::Flush(reached_tx));
    let impatient = async {
        shutdown.requested().await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::select! {
        written = reached_rx => written.unwrap_or(Ok(())),
        () = impatient => Ok(()),
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
