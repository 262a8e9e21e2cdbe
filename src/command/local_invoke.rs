//! `sam-rs local invoke`: runs a function once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tracing::{Instrument, debug_span};
use uuid::Uuid;

use super::answer::Answers;
use super::resolve::{self, Invoked};
use super::{debug, event, variables};
use crate::archive::{LAMBDA_LIMIT, Store};
use crate::engine::docker::Docker;
use crate::engine::{Engine, owner};
use crate::env::Env;
use crate::error::Error;
use crate::exit::Exit;
use crate::function::{Code, Function, Package, Zip};
use crate::lambda::event::Event;
use crate::lambda::{Events, Invocation, Outcome, Output, TraceId};
use crate::sandbox::{Options, Plan, Sandbox};
use crate::settings::Invoke;
use crate::shutdown::Shutdown;

/// How long an answer waits for the report, which is to be above it on a terminal.
const PATIENCE: Duration = Duration::from_millis(20);

/// What a runtime has for its end where it is asked for with `--shutdown`: as much as extensions have in the service.
const GRACE: Duration = Duration::from_secs(2);

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
    let Invoked {
        mut function,
        qualifier,
    } = resolve::function(settings, events, styled)
        .instrument(debug_span!("template"))
        .await?;
    function.timeout = debug::timeout(settings, &function);
    if settings.common.debugger.is_some() {
        // A debugger attaches to one process.
        function.concurrency = function.concurrency.map(|_| 1);
    }
    events.send(Event::Logs(function.logging.platform()));
    let Package::Zip(zip) = &function.package else {
        return Err(Error::ImagePackage(function.logical_id));
    };
    let debugged = debug::prepare(settings, &function, zip).await?;
    let variables = variables::of(&function, settings, env, events).await?;
    tenancy(&function, settings)?;
    let invocations = invocations(&function, settings, events)
        .instrument(debug_span!("event"))
        .await?;
    let docker = debug_span!("connect").in_scope(|| Docker::find(env, events, &shutdown.tasks))?;
    events.note(format!("Invoking {} ({})", zip.handler, zip.runtime));
    let directory = code(zip, env, events).await?;
    if !function.layers.is_empty() {
        events.warn(format!("the layers of {} are not mounted", function.path));
    }
    let image = docker
        .image(
            &image(&function, zip, settings),
            settings.common.container.pull,
        )
        .await?;
    if image.entrypoint.is_empty() && !zip.runtime.is_provided() {
        return Err(Error::NoEntryPoint(image.name));
    }
    events.note(format!(
        "Mounting {} as /var/task:ro,delegated, inside runtime container",
        directory.display()
    ));
    let options = Options {
        code: directory,
        qualifier,
        launch: debugged.launch,
        ..options(&function, zip, settings)
    };
    let plan = Plan::new(&function, zip, &image, &variables, &options);
    let sandbox = Sandbox::start(&docker, plan, debugged.ports, events, &shutdown.tasks).await?;
    let exit = serve(&sandbox, invocations, &function.path, settings, events).await;
    sandbox.stop().instrument(debug_span!("stop")).await;
    Ok(exit)
}

/// The directory of the function's code: its own, or one that archives and inline code are put into.
async fn code(zip: &Zip, env: &Env, events: &Events) -> Result<PathBuf, Error> {
    let cache = env.home_or(crate::env::XDG_CACHE_HOME, ".cache");
    let cache = cache.unwrap_or_else(|| env.temporary.clone());
    let store = Store::new(cache.join("sam-rs").join("code"));
    match zip.code.clone() {
        Code::Directory(path) => Ok(path),
        Code::Inline { file, text } => Ok(store.inline(&file, &text)?),
        Code::Archive(path) => {
            events.note(format!("Decompressing {}", path.display()));
            // Signals must not wait for a large one.
            let unpacked = tokio::task::spawn_blocking(move || store.unpack(&path)).await;
            let unpacked = unpacked.map_err(|source| Error::Process {
                action: "unpacking the code",
                source: std::io::Error::other(source),
            })??;
            if unpacked.size.is_some_and(|size| size > LAMBDA_LIMIT) {
                events.warn(format!(
                    "the code is larger than the {LAMBDA_LIMIT} bytes that Lambda takes"
                ));
            }
            Ok(unpacked.path)
        }
    }
}

/// The image that the user chose for the function, or for all, else the runtime's.
fn image(function: &Function, zip: &Zip, settings: &Invoke) -> String {
    let named = [
        Some(function.path.as_str()),
        Some(function.logical_id.as_str()),
        Some(function.name.as_str()),
        None,
    ];
    let chosen = named.iter().find_map(|name| {
        settings
            .common
            .container
            .images
            .iter()
            .rfind(|(own, _)| own.as_deref() == *name)
    });
    chosen.map_or_else(
        || zip.runtime.image(function.architecture),
        |(_, image)| image.clone(),
    )
}

fn options(function: &Function, zip: &Zip, settings: &Invoke) -> Options {
    let mut labels = owner::labels();
    labels.extend([
        ("sam.cli.container.type".to_owned(), "lambda".to_owned()),
        ("sam.cli.function.name".to_owned(), function.path.clone()),
        ("sam.cli.runtime".to_owned(), zip.runtime.to_string()),
    ]);
    Options {
        network: settings.common.container.network.clone(),
        transport: settings.common.container.transport,
        labels,
        no_memory_limit: settings.common.container.no_memory_limit,
        patience: PATIENCE,
        grace: if settings.common.container.shutdown {
            GRACE
        } else {
            Duration::ZERO
        },
        hosts: settings.common.container.hosts.clone(),
        dns: settings.common.container.dns.clone(),
        cpu_share: settings.common.container.cpu_share,
        lambda_user: settings.common.container.lambda_user,
        debugger: settings
            .common
            .debugger
            .as_ref()
            .and_then(|debug| debug.path.clone()),
        name: format!("sam-rs-{}", Uuid::new_v4().simple()),
        ..Options::default()
    }
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
    settings: &Invoke,
    events: &Events,
) -> Result<Vec<Invocation>, Error> {
    let mut invocations = Vec::with_capacity(settings.events.len());
    for source in &settings.events {
        invocations.push(Invocation {
            tenant_id: settings.tenant_id.clone(),
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
