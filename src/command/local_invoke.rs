//! `sam-rs local invoke`: runs a function once.

use std::sync::Arc;
use std::time::Duration;

use tracing::{Instrument, debug_span};

use super::answer::Answers;
use super::prepare::{Prepare, Wanted, adapted, invoking};
use super::resolve::{self, Invoked};
use super::variables::Sources;
use super::{debug, event};
use crate::engine::docker::Docker;
use crate::env::Env;
use crate::error::Error;
use crate::exit::Exit;
use crate::function::Function;
use crate::lambda::event::Event;
use crate::lambda::{Events, Invocation, Outcome, Output, TraceId};
use crate::sandbox::Sandbox;
use crate::settings::Invoke;
use crate::shutdown::Shutdown;

/// How long an answer waits for the report, which is to be above it on a terminal.
const PATIENCE: Duration = Duration::from_millis(20);

/// Runs the function and returns the exit code. When the process is asked to end, what is under way is dropped; the
/// sandbox's task, or the reaper, does the rest.
///
/// # Errors
/// Anything that keeps the function from running.
pub async fn local_invoke(
    settings: &Invoke,
    env: &Env,
    events: &Events,
    shutdown: &Shutdown,
    styled: bool,
) -> Result<Exit, Error> {
    settings
        .common
        .warnings
        .iter()
        .for_each(|warning| events.warn(warning));
    if let Some(save) = &settings.common.save {
        events.note(save.write()?);
    }
    tokio::select! {
        exit = run(settings, env, events, shutdown, styled) => exit,
        interrupt = shutdown.requested() => Ok(Exit::Interrupted(interrupt)),
    }
}

async fn run(
    settings: &Invoke,
    env: &Env,
    events: &Events,
    shutdown: &Shutdown,
    styled: bool,
) -> Result<Exit, Error> {
    let common = &settings.common;
    let Invoked {
        function,
        qualifier,
    } = resolve::function(settings, events, styled)
        .instrument(debug_span!("template"))
        .await?;
    let function = adapted(function, common);
    events.send(Event::Logs(function.logging.platform()));
    let debugged = debug::prepare(common, &function).await?;
    let sources = Sources::load(common, env, events).await?;
    sources.check(&function)?;
    tenancy(&function, settings)?;
    let invocations = invocations(&function, qualifier.as_ref(), settings, events)
        .instrument(debug_span!("event"))
        .await?;
    let docker = debug_span!("connect").in_scope(|| Docker::find(env, events, &shutdown.tasks))?;
    events.note(invoking(&function));
    let prepare = Prepare {
        common,
        env,
        events,
        docker: &docker,
        sources: &sources,
    };
    let wanted = Wanted {
        launch: debugged.launch,
        patience: PATIENCE,
    };
    let plan = prepare.plan(&function, wanted).await?;
    let sandbox = Sandbox::start(&docker, plan, debugged.ports, events, &shutdown.tasks).await?;
    let exit = serve(&sandbox, invocations, &function.path, settings, events).await;
    sandbox.stop().instrument(debug_span!("stop")).await;
    Ok(exit)
}

/// Whether a tenant is named where one is wanted, and only there.
fn tenancy(function: &Function, settings: &Invoke) -> Result<(), Error> {
    match (function.tenancy, &settings.tenant_id) {
        (true, None) => Err(Error::Tenancy(
            "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again.",
        )),
        (false, Some(_)) => Err(Error::Tenancy(
            "The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try \
             again.",
        )),
        _ => Ok(()),
    }
}

/// All events are read and checked before anything is started.
async fn invocations(
    function: &Function,
    qualifier: Option<&String>,
    settings: &Invoke,
    events: &Events,
) -> Result<Vec<Invocation>, Error> {
    let mut invocations = Vec::with_capacity(settings.events.len());
    for source in &settings.events {
        invocations.push(Invocation {
            tenant_id: settings.tenant_id.clone(),
            qualifier: qualifier.cloned(),
            client_context: settings.client_context.clone(),
            cognito_identity: settings.cognito_identity.clone(),
            trace_id: TraceId::random(function.traced),
            ..Invocation::json(event::read(source, events).await?)
        });
    }
    Ok(invocations)
}

/// Hands the events to the sandbox in turn, and shows each answer. The exit code is that of the first that failed.
async fn serve(
    sandbox: &Sandbox,
    invocations: Vec<Invocation>,
    path: &str,
    settings: &Invoke,
    events: &Events,
) -> Exit {
    let answers = Answers {
        path,
        strict: settings.fail_on_error,
        output: settings.output,
        several: invocations.len() > 1,
        events,
    };
    let mut exit = Exit::Success;
    for (index, invocation) in invocations.into_iter().enumerate() {
        if index > 0 && settings.output == Output::Text {
            events.send(Event::Answer(b"\n".as_slice().into()));
        }
        let invocation = Arc::new(invocation);
        let outcome = sandbox.invoke(Arc::clone(&invocation)).await;
        let outcome = outcome.unwrap_or_else(|| Outcome::Lost("it ended by itself".to_owned()));
        let lost = matches!(outcome, Outcome::Lost(_));
        let one = answers
            .show(&invocation.request_id, outcome)
            .instrument(debug_span!("print"))
            .await;
        if exit == Exit::Success {
            exit = one;
        }
        if lost {
            break;
        }
    }
    exit
}
