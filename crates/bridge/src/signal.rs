//! SIGTERM and SIGINT: the first asks the bridge to stop in good order, the second ends it at once.

use std::io;

use tokio_util::sync::CancellationToken;

/// The exit status after a second signal: 128 and SIGINT's number, as shells have it.
const IMPATIENT: i32 = 130;

/// Cancels `stop` when a signal comes, and ends the process when another does.
pub async fn cancel_on_signal(stop: CancellationToken) {
    let Ok(mut signals) = Signals::new() else {
        tracing::warn!("signals cannot be caught; the bridge will not stop in good order");
        return;
    };
    signals.next().await;
    tracing::info!("stopping; once more to stop at once");
    stop.cancel();
    signals.next().await;
    std::process::exit(IMPATIENT);
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(not(unix))]
struct Signals;

// === impl Signals ===

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // It fails only where no handler can be set; then there is no signal to wait for either.
        let _ = tokio::signal::ctrl_c().await;
    }
}
