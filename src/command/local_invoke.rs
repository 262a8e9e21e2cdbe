//! `sam-rs local invoke`: runs a function once.

use std::path::PathBuf;
use std::sync::Arc;

use tracing::{Instrument, debug_span};
use uuid::Uuid;

use super::resolve::{self, Invoked};
use super::{debug, event};
use crate::archive::{LAMBDA_LIMIT, Store};
use crate::engine::docker::Docker;
use crate::engine::{Engine, owner};
use crate::env::Env;
use crate::error::Error;
use crate::exit::Exit;
use crate::function::variables::environment;
use crate::function::{Code, Function, Package, Zip};
use crate::lambda::event::Event;
use crate::lambda::{Body, BodyEnd, Events, Invocation, Outcome};
use crate::sandbox::{Options, Plan, Sandbox};
use crate::settings::{EnvVars, Invoke};
use crate::shutdown::Shutdown;

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
        .warnings
        .iter()
        .for_each(|warning| events.warn(warning));
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
    let Package::Zip(zip) = &function.package else {
        return Err(Error::ImagePackage(function.logical_id));
    };
    let debugged = debug::prepare(settings, &function, zip).await?;
    let variables = variables(&function, settings, env, events)?;
    let payload = event::read(&settings.event, events)
        .instrument(debug_span!("event"))
        .await?;
    let docker = debug_span!("connect").in_scope(|| Docker::find(env, events, &shutdown.tasks))?;
    events.note(format!("Invoking {} ({})", zip.handler, zip.runtime));
    let directory = code(zip, env, events).await?;
    if !function.layers.is_empty() {
        events.warn(format!("the layers of {} are not mounted", function.path));
    }
    let image = docker
        .image(&image(&function, zip, settings), settings.pull)
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
    let plan = Plan::new(&function, zip, &image, &variables, options);
    let sandbox = Sandbox::start(&docker, plan, debugged.ports, events, &shutdown.tasks).await?;
    let outcome = sandbox.invoke(Arc::new(Invocation::json(payload))).await;
    let outcome = outcome.unwrap_or_else(|| Outcome::Lost("it ended by itself".to_owned()));
    let exit = show(outcome, &function, settings.fail_on_error, events)
        .instrument(debug_span!("print"))
        .await;
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

/// The environment that the function sees.
fn variables(
    function: &Function,
    settings: &Invoke,
    env: &Env,
    events: &Events,
) -> Result<Vec<(String, String)>, Error> {
    let overrides = settings
        .env_vars
        .as_deref()
        .map(EnvVars::load)
        .transpose()?
        .unwrap_or_default()
        .of(function)?;
    let surroundings = &settings.aws.surroundings;
    let shell = |name: &str| env.raw(name);
    let (variables, refused) = environment(function, surroundings, shell, &overrides);
    for name in refused {
        events.warn(format!("variable '{name}' cannot be set and was left out"));
    }
    Ok(variables)
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
            .invoke_images
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
        network: settings.network.clone(),
        transport: settings.transport,
        labels,
        debugger: settings
            .debugger
            .as_ref()
            .and_then(|debug| debug.path.clone()),
        name: format!("sam-rs-{}", Uuid::new_v4().simple()),
        ..Options::default()
    }
}

/// Passes the outcome on to whoever shows it, and chooses the exit code.
async fn show(outcome: Outcome, function: &Function, strict: bool, events: &Events) -> Exit {
    let exit = Exit::of(&outcome, strict);
    tell(&outcome, function, events);
    let mut body = match outcome {
        Outcome::Success(response) => response.body,
        Outcome::Error(document) => Body::Whole(document),
        Outcome::Crashed(error) | Outcome::OutOfMemory(error) => Body::Whole(error.to_json()),
        Outcome::TimedOut { .. } | Outcome::Lost(_) => return exit,
    };
    match answer(&mut body, events).await {
        BodyEnd::Complete => exit,
        BodyEnd::Failed(error) => {
            events.note(format!("{}: {}", error.kind, error.message));
            if strict { Exit::FunctionFailed } else { exit }
        }
        BodyEnd::Ended(outcome) => {
            tell(&outcome, function, events);
            Exit::of(&outcome, strict)
        }
    }
}

/// Passes the chunks of an answer on, each when the one before has been written: a slow reader holds the function back.
async fn answer(body: &mut Body, events: &Events) -> BodyEnd {
    let end = loop {
        match body.next().await {
            Ok(chunk) => events.send(Event::Answer(chunk)),
            Err(end) => break end,
        }
        if !events.written().await {
            // Whoever read the answer has read enough.
            return BodyEnd::Complete;
        }
    };
    events.send(Event::AnswerEnd);
    end
}

/// Tells people of an outcome that is not the function's own word.
fn tell(outcome: &Outcome, function: &Function, events: &Events) {
    let id = &function.path;
    match outcome {
        Outcome::Success(_) | Outcome::Error(_) => {}
        Outcome::Crashed(error) => events.note(format!("{}: {}", error.kind, error.message)),
        Outcome::OutOfMemory(error) => {
            events.note(format!("{}: {}", error.kind, error.message));
            events.note("Error: Container invocation failed due to maximum memory usage");
        }
        Outcome::TimedOut { after, .. } => {
            let seconds = after.as_secs();
            events.note(format!("Function '{id}' timed out after {seconds} seconds"));
            events.note(format!("No response from invoke container for {id}"));
        }
        Outcome::Lost(reason) => {
            events.note(format!("Error: the sandbox of {id} is gone: {reason}"));
        }
    }
}
