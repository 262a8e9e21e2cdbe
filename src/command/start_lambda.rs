//! `sam-rs local start-lambda`: serves Lambda's API for invoking functions, until it is asked to end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::resolve;
use super::sandboxes::{Debugged, Parts, Sandboxes};
use super::variables::Sources;
use crate::engine::docker::Docker;
use crate::env::Env;
use crate::error::Error;
use crate::exit::Exit;
use crate::function::{Register, Served};
use crate::invoke::{Invoker, Limits, WhenBusy};
use crate::lambda::Events;
use crate::net;
use crate::serve::Api;
use crate::settings::{Busy, StartLambda, Warm};
use crate::shutdown::Shutdown;

/// How long requests may take that are under way when the end is asked for.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until it is asked to end, and returns the exit code.
///
/// # Errors
/// Anything that keeps the service from running.
pub async fn start_lambda(
    settings: StartLambda,
    env: &Env,
    events: &Events,
    shutdown: &Shutdown,
    styled: bool,
) -> Result<Exit, Error> {
    let warnings = &settings.common.warnings;
    warnings.iter().for_each(|warning| events.warn(warning));
    if let Some(save) = &settings.common.save {
        events.note(save.write()?);
    }
    let service = tokio::select! {
        service = begin(settings, env, events, shutdown, styled) => service?,
        _ = shutdown.requested() => return Ok(Exit::Success),
    };
    let stop = CancellationToken::new();
    let api = service.api;
    let answer = move |request| api.clone().answer(request);
    let served = net::serve(service.listener, answer, stop.clone(), &shutdown.tasks);
    tokio::pin!(served);
    tokio::select! {
        () = &mut served => {}
        _ = shutdown.requested() => {}
        () = service.invoker.clone().retire_idle(service.idle_timeout) => {}
    }
    stop.cancel();
    let drained = async {
        served.await;
        service.invoker.stop().await;
    };
    let patience = async {
        // What is done at once needs no word.
        tokio::time::sleep(Duration::from_millis(300)).await;
        events.note(format!(
            "finishing the requests that are under way, for {} seconds at most; Ctrl-C again ends them now",
            DRAIN.as_secs()
        ));
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        () = drained => {}
        () = patience => events.warn("requests were under way that did not end"),
        () = shutdown.forced() => {}
    }
    Ok(Exit::Success)
}

/// Everything that serves.
struct Service {
    listener: TcpListener,
    api: Api,
    invoker: Invoker,
    idle_timeout: Duration,
}

async fn begin(
    settings: StartLambda,
    env: &Env,
    events: &Events,
    shutdown: &Shutdown,
    styled: bool,
) -> Result<Service, Error> {
    let register = resolve::register(&settings.common, events, styled).await?;
    let known = register.paths();
    let missing = |unknown| Error::NotServed { unknown, known };
    if let Some(name) = &settings.debug_function
        && register.named(name).next().is_none()
    {
        return Err(missing(vec![name.clone()]));
    }
    let register = register.only(&settings.functions).map_err(missing)?;
    let sources = Sources::load(&settings.common, env, events).await?;
    let docker = Docker::find(env, events, &shutdown.tasks)?;
    let debugged = debugged(&settings, &register, events);
    let limits = limits(&settings);
    let aws = settings.common.aws.clone();
    let (warm, idle_timeout) = (settings.warm, settings.idle_timeout);
    let address = (
        settings.host.clone(),
        settings.port,
        settings.port_file.clone(),
    );
    let sandboxes = Sandboxes::new(Parts {
        common: settings.common,
        env: env.clone(),
        events: events.clone(),
        docker,
        sources,
        debugged,
        tasks: shutdown.tasks.clone(),
        keep: limits.keep,
    });
    let invoker = Invoker::new(Arc::new(sandboxes), limits, events, &shutdown.tasks);
    events.note(
        "Starting the Local Lambda Service. You can now invoke your Lambda Functions defined in your template through the \
         endpoint.",
    );
    let (host, port, port_file) = address;
    let (listener, address) = listen((&host, port), port_file.as_deref(), events).await?;
    if warm == Some(Warm::Eager) {
        warm_all(&register, &invoker, events).await?;
    }
    let place = (aws.region.as_str(), aws.account.as_str());
    let api = Api::new(register, invoker.clone(), place, address);
    announce(address, port_file, events)?;
    Ok(Service {
        listener,
        api,
        invoker,
        idle_timeout,
    })
}

/// Whether a path is that of a file, and not of a terminal, a pipe or a link.
fn is_plain(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|about| about.is_file())
}

/// Says where the service is, to people and to the file that is wanted.
fn announce(address: SocketAddr, file: Option<PathBuf>, events: &Events) -> Result<(), Error> {
    if let Some(path) = file {
        let text = format!("http://{address}\n");
        let written = if path.exists() && !is_plain(&path) {
            std::fs::write(&path, text)
        } else {
            // Whoever waits for the file is not to find half of it.
            let mut beside = path.clone().into_os_string();
            beside.push(".new");
            std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, &path))
        };
        written.map_err(|source| Error::File {
            action: "writing the address to",
            path,
            source,
        })?;
    }
    events.note(format!(" * Running on http://{address}"));
    events.note("Press CTRL+C to quit");
    Ok(())
}

fn limits(settings: &StartLambda) -> Limits {
    Limits {
        sandboxes: settings.max_concurrency,
        when_busy: match settings.when_busy {
            None => WhenBusy::AsConfigured,
            Some(Busy::Wait) => WhenBusy::Wait,
            Some(Busy::Throttle) => WhenBusy::Throttle,
        },
        keep: settings.warm.is_some(),
    }
}

/// Which functions are started for a debugger: all, where each invocation has a sandbox of its own, else the one that is
/// named, or the only one.
fn debugged(settings: &StartLambda, register: &Register, events: &Events) -> Debugged {
    if settings.common.debugger.is_none() {
        return Debugged::Only(Vec::new());
    }
    if settings.warm.is_none() && settings.debug_function.is_none() {
        return Debugged::All;
    }
    match (&settings.debug_function, register.functions()) {
        (Some(name), _) => Debugged::Only(register.named(name).filter_map(Served::key).collect()),
        (None, [only]) => Debugged::Only(only.key().into_iter().collect()),
        (None, _) => {
            events.warn(
                "you supplied debugging options but you did not specify the --debug-function option. To specify which \
                 function you want to debug, please use the --debug-function <function-name>",
            );
            Debugged::Only(Vec::new())
        }
    }
}

/// Takes the address, before anything says where the service is.
async fn listen(
    (host, port): (&str, u16),
    port_file: Option<&Path>,
    events: &Events,
) -> Result<(TcpListener, SocketAddr), Error> {
    // An address of a run before is not to be believed.
    if let Some(file) = port_file.filter(|file| is_plain(file)) {
        let _ = std::fs::remove_file(file);
    }
    let (listener, address) = bind(host, port).await?;
    if !address.ip().is_loopback() {
        events.warn(format!(
            "{address} can be reached from other machines, and whoever reaches it can run functions with your credentials"
        ));
    }
    Ok((listener, address))
}

async fn bind(host: &str, port: u16) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Serve {
        address: format!("{host}:{port}"),
        port,
        source,
    };
    let listener = TcpListener::bind((host, port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Starts a sandbox for every function that can run.
async fn warm_all(register: &Register, invoker: &Invoker, events: &Events) -> Result<(), Error> {
    events.note("Initializing the lambda functions containers.");
    let functions = register.functions().iter();
    let functions = functions.filter_map(|one| one.function.as_ref().ok());
    let warmed = functions.map(|function| invoker.warm(function));
    for result in futures_util::future::join_all(warmed).await {
        if let Err(crate::invoke::Refused::Failed(reason)) = result {
            events.note(format!(
                "Lambda functions containers initialization failed because of {reason}"
            ));
            return Err(Error::Warm);
        }
    }
    events.note("All containers are ready.");
    Ok(())
}
