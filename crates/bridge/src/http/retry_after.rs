//! When a client of a full bridge should try again: after the time in which what is in flight leaves, at the measured rate.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How full a bridge is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Messages in flight.
    pub(super) in_flight: usize,
    /// Messages that have left since the start.
    pub(super) released: u64,
}

/// Measures the rate at which messages leave, while requests are refused.
#[derive(Debug)]
pub(super) struct Drain(Mutex<Measured>);

#[derive(Clone, Copy, Debug)]
struct Measured {
    since: Instant,
    /// [`Load::released`] at that time.
    released: u64,
    /// Messages a second before that time; `None` if it was not measured.
    rate: Option<f64>,
}

/// A measurement takes at least this long.
const SHORTEST: Duration = Duration::from_millis(500);

/// An older measurement says nothing about now.
const LONGEST: Duration = Duration::from_secs(10);

/// The bounds of the answer in seconds. If nothing leaves at all, it is the longest.
const BOUNDS: (u32, u32) = (1, 30);

// === impl Drain ===

impl Drain {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(Measured { since: now, released: 0, rate: None }))
    }

    /// The value of `Retry-After` in seconds.
    pub(super) fn retry_after(&self, now: Instant, load: Load) -> u32 {
        let rate = {
            // It is replaced whole, so that it is consistent even if a thread panicked.
            let mut measured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *measured = measured.at(now, load.released);
            measured.rate
        };
        let (shortest, longest) = BOUNDS;
        let Some(rate) = rate else { return shortest };
        // The division by zero is infinite, and the conversion saturates.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
        let seconds = (load.in_flight as f64 / rate).ceil() as u32;
        seconds.clamp(shortest, longest)
    }
}

// === impl Measured ===

impl Measured {
    fn at(self, now: Instant, released: u64) -> Self {
        let elapsed = now.saturating_duration_since(self.since);
        if elapsed < SHORTEST {
            return self;
        }
        let count = released.saturating_sub(self.released) as f64;
        let rate = (elapsed <= LONGEST).then(|| count / elapsed.as_secs_f64());
        Self { since: now, released, rate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_time_in_which_what_is_in_flight_leaves_within_its_bounds() {
        // Seconds since the start, in flight, released until then, expected.
        let rows = [
            (0.0, 1000, 0, 1),
            // 100 in a second.
            (1.0, 1000, 100, 10),
            // Too soon for another measurement.
            (1.2, 400, 4000, 4),
            // 950 in half a second.
            (1.5, 1000, 1050, 1),
            (2.5, 1000, 1060, 30),
            (3.5, 1000, 1060, 30),
            // The last refusal was long ago.
            (60.0, 1000, 2000, 1),
            (61.0, 1001, 2500, 3),
        ];
        let start = Instant::now();
        let drain = Drain::new(start);
        for (seconds, in_flight, released, expected) in rows {
            let now = start + Duration::from_secs_f64(seconds);
            assert_eq!(drain.retry_after(now, Load { in_flight, released }), expected, "{seconds} s");
        }
    }
}
