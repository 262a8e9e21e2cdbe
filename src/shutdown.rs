//! Signals become one token that everything in the process can wait for.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why the process was asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// SIGINT, what Ctrl-C sends.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
    HangUp,
}

impl Interrupt {
    /// The signal's number; a shell reports 128 more.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Interrupt => 2,
            Self::Terminate => 15,
            Self::HangUp => 1,
        }
    }
}

/// Asked for the end of the process, and the tasks to wait for. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
    forced: CancellationToken,
    signal: Arc<AtomicI32>,
    /// Everything that is spawned, so that nothing is forgotten.
    pub tasks: TaskTracker,
}

impl Shutdown {
    /// Starts to listen for signals. The first one asks for an orderly end, the second one for an end at once.
    ///
    /// # Errors
    /// The handlers cannot be installed.
    #[expect(
        clippy::disallowed_methods,
        reason = "these tasks end with the process"
    )]
    pub fn listen() -> std::io::Result<Self> {
        let shutdown = Self::default();
        let signals = [
            (Interrupt::Interrupt, signal(SignalKind::interrupt())?),
            (Interrupt::Terminate, signal(SignalKind::terminate())?),
            (Interrupt::HangUp, signal(SignalKind::hangup())?),
        ];
        for (interrupt, stream) in signals {
            // Not tracked: they have no end to wait for.
            tokio::spawn(shutdown.clone().relay(interrupt, stream));
        }
        Ok(shutdown)
    }

    async fn relay(self, interrupt: Interrupt, mut stream: Signal) {
        while stream.recv().await.is_some() {
            self.interrupt(interrupt);
        }
    }

    /// Asks for the end, as the signal would.
    pub fn interrupt(&self, interrupt: Interrupt) {
        if self.token.is_cancelled() {
            self.forced.cancel();
        }
        // The first signal decides the exit code.
        let _ = self.signal.compare_exchange(
            0,
            interrupt.number().into(),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        self.token.cancel();
    }

    /// Waits until the end is asked for.
    pub async fn requested(&self) -> Interrupt {
        self.token.cancelled().await;
        self.interrupted().unwrap_or(Interrupt::Interrupt)
    }

    /// Waits until the end is asked for a second time.
    pub async fn forced(&self) {
        self.forced.cancelled().await;
    }

    /// Waits until everything that was spawned has ended, but not for long, and not when asked a second time.
    pub async fn finish(&self, limit: Duration) {
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => {}
            () = tokio::time::sleep(limit) => {}
            () = self.forced() => {}
        }
    }

    /// The signal that asked for the end, if one did.
    #[must_use]
    pub fn interrupted(&self) -> Option<Interrupt> {
        let number = self.signal.load(Ordering::Relaxed);
        [
            Interrupt::Interrupt,
            Interrupt::Terminate,
            Interrupt::HangUp,
        ]
        .into_iter()
        .find(|interrupt| i32::from(interrupt.number()) == number)
    }
}
