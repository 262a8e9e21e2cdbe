//! Ports of this machine that lead into a sandbox, for debuggers: a connection here is one to the same port inside, through
//! the channel. So a debugger reaches a sandbox without any network, and on an engine that is elsewhere.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::channel::Channel;
use crate::lambda::Events;

/// How often it is asked whether the debugger listens already. Nobody waits for it but a person.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a debugger that listens takes to be ready: debugpy opens its port before the program has joined it, and turns
/// away a client that comes in between.
const JOINING: Duration = Duration::from_millis(300);

/// A port of this machine, and the same port inside.
#[derive(Debug)]
pub struct Forwarded {
    /// Bound before anything was started, so that a port that is taken is an early error. None where the sandbox is in this
    /// machine's own network.
    pub listener: Option<TcpListener>,
    /// Where a debugger connects to.
    pub address: SocketAddr,
}

/// Forwards connections until the token is cancelled.
pub(super) fn forward(
    forwarded: Forwarded,
    channel: &Channel,
    tasks: &TaskTracker,
    ended: CancellationToken,
) {
    let (channel, connections) = (channel.clone(), tasks.clone());
    let Some(listener) = forwarded.listener else {
        return;
    };
    let port = forwarded.address.port();
    tasks.spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = ended.cancelled() => return,
            };
            let Ok((mut here, _)) = accepted else {
                // Out of descriptors, as it may be: the next one may have more luck.
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let _ = here.set_nodelay(true);
            let (mut inside, ended) = (channel.dial(port), ended.clone());
            connections.spawn(async move {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut here, &mut inside) => {}
                    () = ended.cancelled() => {}
                }
            });
        }
    });
}

/// Says when a program inside listens on the port.
pub(super) fn announce(
    forwarded: &Forwarded,
    channel: &Channel,
    events: &Events,
    tasks: &TaskTracker,
    ended: CancellationToken,
) {
    let (channel, events, address) = (channel.clone(), events.clone(), forwarded.address);
    tasks.spawn(async move {
        let listens = async {
            while channel.listening(address.port()).await == Some(false) {
                tokio::time::sleep(PAUSE).await;
            }
            tokio::time::sleep(JOINING).await;
        };
        tokio::select! {
            () = listens => {}
            () = ended.cancelled() => return,
        }
        events.note(format!(
            "Debugger listening on {address}; waiting for it to attach"
        ));
    });
}
