//! `sam-rs local invoke`: runs a function once.

use std::path::Path;
use std::sync::Arc;

use tracing::{Instrument, debug_span};
use uuid::Uuid;

use super::event;
use crate::engine::docker::Docker;
use crate::engine::{Engine, ImageFacts, owner};
use crate::env::Env;
use crate::error::Error;
use crate::exit::Exit;
use crate::function::variables::environment;
use crate::function::{Catalog, Function};
use crate::lambda::event::Event;
use crate::lambda::{Body, BodyEnd, Events, Invocation, Outcome};
use crate::sandbox::{Options, Plan, Sandbox};
use crate::settings::{EnvVars, Invoke};
use crate::shutdown::Shutdown;
use crate::template::{Scope, Template};

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
) -> Result<Exit, Error> {
    settings
        .warnings
        .iter()
        .for_each(|warning| events.warn(warning));
    tokio::select! {
        exit = run(settings, env, events, shutdown) => exit,
        interrupt = shutdown.requested() => Ok(Exit::Interrupted(interrupt)),
    }
}

async fn run(
    settings: &Invoke,
    env: &Env,
    events: &Events,
    shutdown: &Shutdown,
) -> Result<Exit, Error> {
    let function = debug_span!("template").in_scope(|| function(settings, events))?;
    let overrides = settings
        .env_vars
        .as_deref()
        .map(EnvVars::load)
        .transpose()?
        .unwrap_or_default()
        .of(&function)?;
    let payload = event::read(&settings.event, events)
        .instrument(debug_span!("event"))
        .await?;
    let docker = debug_span!("connect").in_scope(|| Docker::find(env, events, &shutdown.tasks))?;
    events.note(format!(
        "Invoking {} ({})",
        function.handler, function.runtime
    ));
    let image = docker
        .image(&image(&function, settings), settings.pull)
        .await?;
    if image.entrypoint.is_empty() && !function.runtime.is_provided() {
        return Err(Error::NoEntryPoint(image.name));
    }
    let (variables, refused) = environment(
        &function,
        &settings.aws.surroundings,
        |name| env.raw(name),
        &overrides,
    );
    for name in refused {
        events.warn(format!("variable '{name}' cannot be set and was left out"));
    }
    events.note(format!(
        "Mounting {} as /var/task:ro,delegated, inside runtime container",
        function.code.display()
    ));
    let plan = plan(&function, &image, variables, settings);
    let sandbox = Sandbox::start(&docker, plan, events, &shutdown.tasks).await?;
    let outcome = sandbox.invoke(Arc::new(Invocation::json(payload))).await;
    let outcome = outcome.unwrap_or_else(|| Outcome::Lost("it ended by itself".to_owned()));
    let exit = show(outcome, &function, settings.fail_on_error, events)
        .instrument(debug_span!("print"))
        .await;
    sandbox.stop().instrument(debug_span!("stop")).await;
    Ok(exit)
}

/// Finds the function in the template and resolves it.
fn function(settings: &Invoke, events: &Events) -> Result<Function, Error> {
    let path = &settings.template;
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|error| Error::File {
            action: "Failed to parse template: it is not UTF-8:",
            path: path.clone(),
            source: std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error()),
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::NoTemplate(path.clone()));
        }
        Err(source) => {
            return Err(Error::File {
                action: "reading the template",
                path: path.clone(),
                source,
            });
        }
    };
    let template = Template::parse(path.clone(), &text)?;
    let aws = &settings.aws.surroundings;
    let scope = Scope::new(&template, &settings.overrides, &aws.region, &aws.account);
    let resource = Catalog::new(&template, &scope).find(settings.function.as_deref())?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    let (function, warnings) = Function::resolve(resource, &scope, directory)?;
    warnings
        .into_iter()
        .for_each(|warning| events.warn(warning));
    Ok(function)
}

/// The image that the user chose for the function, or for all, else the runtime's.
fn image(function: &Function, settings: &Invoke) -> String {
    let named = [
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
        || function.runtime.image(function.architecture),
        |(_, image)| image.clone(),
    )
}

fn plan(
    function: &Function,
    image: &ImageFacts,
    variables: Vec<(String, String)>,
    settings: &Invoke,
) -> Plan {
    let mut labels = owner::labels();
    labels.extend([
        ("sam.cli.container.type".to_owned(), "lambda".to_owned()),
        (
            "sam.cli.function.name".to_owned(),
            function.logical_id.clone(),
        ),
        ("sam.cli.runtime".to_owned(), function.runtime.to_string()),
    ]);
    let options = Options {
        network: settings.network.clone(),
        transport: settings.transport,
        labels,
        name: format!("sam-rs-{}", Uuid::new_v4().simple()),
    };
    Plan::new(function, image, variables, options)
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
    let id = &function.logical_id;
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
