//! What a debugged run needs before anything is started: the ports, and how the runtime is started.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::engine::Network;
use crate::error::Error;
use crate::function::{Function, Package};
use crate::sandbox::Forwarded;
use crate::sandbox::debug::{Debugging, Launch, TIMEOUT};
use crate::settings::{Common, EnvVars};

/// A function that waits for its debugger.
#[derive(Default)]
pub(super) struct Prepared {
    pub(super) ports: Vec<Forwarded>,
    pub(super) launch: Option<Launch>,
}

/// What a function is told of its timeout.
pub(super) fn timeout(common: &Common, function: &Function) -> Duration {
    match common.debugger {
        Some(_) => Duration::from_secs(TIMEOUT),
        None => function.timeout,
    }
}

/// Opens the ports and finds out how the runtime is started; nothing without a debugger.
pub(super) async fn prepare(common: &Common, function: &Function) -> Result<Prepared, Error> {
    let Some(debug) = &common.debugger else {
        return Ok(Prepared::default());
    };
    let debugging = Debugging {
        port: debug.ports.first().copied().unwrap_or_default(),
        args: debug.args.clone(),
        debugger: debug.path.clone(),
    };
    let mut launch = match &function.package {
        Package::Zip(zip) => Launch::of(function, &zip.runtime, &debugging)?,
        // Whoever made it knows how its program is debugged, and says so.
        Package::Image(_) => Launch {
            argv: debugging.args,
            ..Launch::default()
        },
    };
    if let Some(path) = &debug.env_vars {
        let variables = EnvVars::load(path)?.flat_or_of(function)?;
        let set = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        launch.env.extend(set);
    }
    let mut ports = Vec::with_capacity(debug.ports.len());
    for port in &debug.ports {
        let address = SocketAddr::from((debug.interface, *port));
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| Error::Port { address, source })?;
        // In this machine's own network the debugger opens the port itself.
        let listener = (common.container.network != Network::Host).then_some(listener);
        ports.push(Forwarded { listener, address });
    }
    Ok(Prepared {
        ports,
        launch: Some(launch),
    })
}
