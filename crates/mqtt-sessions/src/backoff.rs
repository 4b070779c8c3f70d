//! The wait before the next attempt to connect: exponential back-off with jitter.

use std::time::Duration;

/// Exponential back-off with jitter.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

/// The wait after the first failure, before jitter.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait, before jitter.
const LONGEST: Duration = Duration::from_secs(2);

// === impl Backoff ===

impl Backoff {
    /// Starts with the shortest wait.
    pub(crate) const fn new() -> Self {
        Self { next: FIRST }
    }

    /// Whether no attempt has failed.
    pub(crate) fn is_fresh(&self) -> bool {
        self.next == FIRST
    }

    /// The next wait: between half of it and all of it, so that publishers that lost the same broker do not
    /// return at the same moment.
    pub(crate) fn next_wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(LONGEST);
        wait.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_100_ms_to_2_s() {
        let mut backoff = Backoff::new();
        assert!(backoff.is_fresh());
        for expected in [100, 200, 400, 800, 1600, 2000, 2000] {
            let wait = backoff.next_wait().as_millis();
            assert!((expected / 2..=expected).contains(&wait), "{wait} ms, expected at most {expected} ms");
            assert!(!backoff.is_fresh());
        }
    }
}
