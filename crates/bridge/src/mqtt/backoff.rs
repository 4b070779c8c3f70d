//! How long to wait before the next attempt to connect: longer each time, and never the same for all.

use std::time::Duration;

/// Exponential back-off with jitter.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

/// The wait after the first failure, before jitter.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait, before jitter.
const LONGEST: Duration = Duration::from_secs(2);

// === impl Backoff ===

impl Backoff {
    /// Starts with short waits.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: FIRST }
    }

    /// Whether nothing has failed yet.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.next == FIRST
    }

    /// The next wait: between half of it and all of it, so that bridges that lost one broker do not return as one.
    pub fn next_wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(LONGEST);
        wait.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_a_tenth_of_a_second_to_two_seconds() {
        let mut backoff = Backoff::new();
        assert!(backoff.is_fresh());
        for expected in [100, 200, 400, 800, 1600, 2000, 2000] {
            let wait = backoff.next_wait().as_millis();
            assert!((expected / 2..=expected).contains(&wait), "{wait} ms where {expected} ms is the most");
            assert!(!backoff.is_fresh());
        }
    }
}
