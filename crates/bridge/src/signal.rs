//! SIGTERM and SIGINT: the first stops the bridge gracefully, the second terminates it. SIGHUP reads credentials and
//! certificates again.

use std::io;

use tokio_util::sync::CancellationToken;

use crate::reload::Reloader;

/// The exit status after a second signal: 128 plus the number of SIGINT, as in shells.
const IMPATIENT: i32 = 130;

/// Cancels `stop` on the first signal to stop, and terminates the process on the second. Reloads on SIGHUP, also while the
/// bridge stops.
///
/// Signals are caught from the call on, before the first poll: a service manager may send one as soon as the bridge is ready.
pub fn handle(stop: CancellationToken, reloader: Reloader) -> impl Future<Output = ()> + Send + 'static {
    let signals = Signals::new();
    async move {
        let Ok(mut signals) = signals else {
            tracing::warn!("signals cannot be caught; the bridge will not stop gracefully");
            return;
        };
        signals.stop(&reloader).await;
        tracing::info!("stopping; send the signal again to stop at once");
        stop.cancel();
        signals.stop(&reloader).await;
        std::process::exit(IMPATIENT);
    }
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

    /// Waits for a signal to stop, and reloads on others.
    async fn stop(&mut self, reloader: &Reloader) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                Some(()) = self.hangup.recv() => {
                    let reloader = reloader.clone();
                    // It reads files. A panic there would have been logged.
                    let _ = tokio::task::spawn_blocking(move || reloader.reload()).await;
                }
            }
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn stop(&mut self, _: &Reloader) {
        // It fails only if no handler can be installed. Then there is no signal to wait for.
        let _ = tokio::signal::ctrl_c().await;
    }
}
