//! Waiting for something to become so, and not for a time to pass.

use std::time::{Duration, Instant};

/// How long a test waits for what should come at once: machines that build other things meanwhile are slow.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer. `what` completes "in vain: waited for …".
///
/// # Panics
/// Where there is none in time.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < deadline, "in vain: waited for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
