//! SIGTERM and SIGINT: the first stops the bridge gracefully, the second terminates it. SIGHUP does nothing, so that the end
//! of a terminal does not end the bridge with messages in flight.

use std::io;

use tokio_util::sync::CancellationToken;

/// The exit status after a second signal: 128 plus the number of SIGINT, as in shells.
const IMPATIENT: i32 = 130;

/// Cancels `stop` on the first signal, and terminates the process on the second.
pub async fn cancel_on_signal(stop: CancellationToken) {
    let Ok(mut signals) = Signals::new() else {
        tracing::warn!("signals cannot be caught; the bridge will not stop gracefully");
        return;
    };
    signals.next().await;
    tracing::info!("stopping; send the signal again to stop at once");
    stop.cancel();
    signals.next().await;
    std::process::exit(IMPATIENT);
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(not(unix))]
struct Signals;

// === impl Signals ===

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                Some(()) = self.hangup.recv() => tracing::info!("SIGHUP is ignored"),
            }
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // It fails only if no handler can be installed. Then there is no signal to wait for.
        let _ = tokio::signal::ctrl_c().await;
    }
}
