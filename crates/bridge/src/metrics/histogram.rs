//! How long something took, in buckets. The library's histogram locks; this one adds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Durations, by size.
#[derive(Debug)]
pub(super) struct Histogram {
    /// Beside each bound what is not longer than it and longer than the one before; at the end, what is longer than all.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

/// What a histogram held at one time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Snapshot {
    /// All durations added up, in seconds.
    pub(super) sum: f64,
    /// How many there were.
    pub(super) count: u64,
    /// Each bound in seconds, with how many durations belong to it and to none before.
    pub(super) buckets: Vec<(f64, u64)>,
}

/// From a broker in the same machine to the default of the publish time-out.
const BOUNDS: [Duration; 14] = [
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

// === impl Histogram ===

impl Histogram {
    pub(super) const fn new() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; BOUNDS.len() + 1], nanoseconds: AtomicU64::new(0) }
    }

    pub(super) fn observe(&self, duration: Duration) {
        let bucket = BOUNDS.partition_point(|bound| *bound < duration);
        if let Some(count) = self.buckets.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let bounds = BOUNDS.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
        let counts = self.buckets.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<_> = bounds.zip(counts).collect();
        Snapshot {
            sum: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)).as_secs_f64(),
            count: buckets.iter().map(|(_, count)| count).sum(),
            buckets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_belongs_to_the_first_bound_that_it_is_not_longer_than() {
        let rows = [
            (Duration::ZERO, 0.0005),
            (Duration::from_micros(500), 0.0005),
            (Duration::from_nanos(500_001), 0.001),
            (Duration::from_millis(3), 0.005),
            (Duration::from_secs(10), 10.0),
            (Duration::from_millis(10_001), f64::INFINITY),
            (Duration::MAX, f64::INFINITY),
        ];
        for (duration, expected) in rows {
            let histogram = Histogram::new();
            histogram.observe(duration);
            let Snapshot { count, buckets, .. } = histogram.snapshot();
            assert_eq!(count, 1);
            assert!(buckets.contains(&(expected, 1)), "{duration:?}: {buckets:?}");
        }
    }

    #[test]
    fn durations_add_up() {
        let histogram = Histogram::new();
        [1, 2, 7].map(Duration::from_millis).into_iter().for_each(|duration| histogram.observe(duration));
        let Snapshot { sum, count, .. } = histogram.snapshot();
        assert!((sum - 0.01).abs() < 1e-9, "{sum}");
        assert_eq!(count, 3);
    }
}
