//! `sam-rs` runs AWS Lambda functions on a developer's machine, in containers.
//!
//! This page is the map of the program. Data flows from left to right; no two modules import each other, and a test
//! reads the sources to keep it so:
//!
//! ```text
//! cli -> settings -> template -> function -> sandbox(engine + channel + runtime_api) -> report
//!                                                `-- front doors: command (one invocation), serve (Lambda's API) over
//!                                                    invoke (pools of sandboxes)
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
//! [`session`] reads the settings beside the signals and ends with every task done. [`content`] brings code, layers and
//! links into the form in which they are mounted, and keeps what it unpacked; [`aws`] has profiles, credentials and the few
//! calls to AWS that layers and registries need.
//!
//! # What the service does
//!
//! [`net`] accepts connections, and [`serve`] knows the API: routes, headers, errors, frames of an event stream. It asks
//! [`invoke`](mod@invoke) for an invocation by function, which takes a sandbox from the function's pool, or starts one within the
//! limits, or makes the caller wait; events that nobody waits for are handled there, too. [`command`] gives it the
//! sandboxes: what it means to start one is the same as for one invocation.
//!
//! [`lambda`] is the vocabulary of the service that all of them share; [`shutdown`] turns signals into one token;
//! [`near`](mod@near) finds the name that was meant.
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
pub mod invoke;
pub mod lambda;
pub mod near;
pub mod net;
pub mod report;
pub mod runtime_api;
pub mod sandbox;
pub mod serve;
pub mod session;
pub mod settings;
pub mod shutdown;
pub mod template;

use std::ffi::OsString;

use crate::cli::{Command, InvokeArgs, Local, StartLambdaArgs, Unread};
use crate::env::Env;
use crate::error::Error;
use crate::exit::Exit;
use crate::report::{Form, Streams};
use crate::session::Session;
use crate::settings::{Invoke, SettingsError, StartLambda};
use crate::shutdown::Shutdown;

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
    if env.get(env::SAM_RS_COMPLETE).is_some() {
        return complete(arguments, env, streams, &shutdown).await;
    }
    let app = match cli::parse(&arguments) {
        Ok(app) => app,
        Err(Unread::Mistake(mistake)) => {
            let mistake = Err(SettingsError::Usage(mistake).into());
            return simply(mistake, (streams, arguments), &shutdown).await;
        }
        Err(Unread::Help(help)) => {
            // It does not matter to who has gone away.
            let _ = help.print();
            return if help.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            };
        }
    };
    match app.command {
        Command::Local(Local::Invoke(args)) => {
            invoke(args, env, (streams, arguments), &shutdown).await
        }
        Command::Local(Local::StartLambda(args)) => {
            start_lambda(args, env, (streams, arguments), &shutdown).await
        }
        Command::Completions(args) => {
            let script = command::completions::script(args.shell);
            print(&script, streams, &shutdown).await
        }
        Command::ManPages(args) => {
            let written = command::man_pages(&env.directory.join(&args.directory));
            let written = written.map(|()| Exit::Success);
            simply(written, (streams, arguments), &shutdown).await
        }
    }
}

async fn invoke(
    args: Box<InvokeArgs>,
    env: Env,
    streams: (Streams, Vec<OsString>),
    shutdown: &Shutdown,
) -> Exit {
    let log = args.common.log.clone();
    let own = env.clone();
    let resolve = move || Invoke::resolve(&args, &own);
    let (session, settings) =
        Session::settle(streams, &log, resolve, Invoke::shown, shutdown).await;
    let result = match settings {
        Some(Ok(settings)) => {
            let (events, styled) = (&session.events, session.styled);
            command::local_invoke(&settings, &env, events, shutdown, styled).await
        }
        Some(Err(error)) => Err(error),
        None => Ok(Exit::Interrupted(shutdown.requested().await)),
    };
    session.conclude(result, shutdown).await
}

async fn start_lambda(
    args: Box<StartLambdaArgs>,
    env: Env,
    streams: (Streams, Vec<OsString>),
    shutdown: &Shutdown,
) -> Exit {
    let log = args.common.log.clone();
    let own = env.clone();
    let resolve = move || StartLambda::resolve(&args, &own);
    let (session, settings) =
        Session::settle(streams, &log, resolve, StartLambda::shown, shutdown).await;
    let result = match settings {
        Some(Ok(settings)) => {
            let (events, styled) = (&session.events, session.styled);
            command::start_lambda(settings, &env, events, shutdown, styled).await
        }
        Some(Err(error)) => Err(error),
        None => Ok(Exit::Success),
    };
    session.conclude(result, shutdown).await
}

/// Answers a shell that asks for candidates. It must not wait longer than the person at it.
async fn complete(
    arguments: Vec<OsString>,
    env: Env,
    streams: Streams,
    shutdown: &Shutdown,
) -> Exit {
    let answer =
        tokio::task::spawn_blocking(move || command::completions::answer(&arguments, &env));
    tokio::select! {
        candidates = answer => {
            let candidates = candidates.ok().flatten().unwrap_or_default();
            print(&candidates, streams, shutdown).await
        }
        interrupt = shutdown.requested() => Exit::Interrupted(interrupt),
    }
}

async fn print(data: &[u8], mut streams: Streams, shutdown: &Shutdown) -> Exit {
    let printed = session::print(data, &mut streams).await;
    simply(printed, (streams, Vec::new()), shutdown).await
}

/// Ends a command that has nothing to show but its error.
async fn simply(
    result: Result<Exit, Error>,
    (streams, arguments): (Streams, Vec<OsString>),
    shutdown: &Shutdown,
) -> Exit {
    let session = Session::begin(streams, None, Form::default(), arguments);
    session.conclude(result, shutdown).await
}
