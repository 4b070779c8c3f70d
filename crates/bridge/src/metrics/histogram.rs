//! A histogram of durations without a lock, unlike the library's.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A histogram.
#[derive(Debug)]
pub(super) struct Histogram {
    /// `buckets[i]` counts durations in `(BOUNDS[i-1], BOUNDS[i]]`; the last bucket counts everything longer. Not cumulative.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

/// The content of a histogram at one time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Snapshot {
    /// The sum of all durations in seconds.
    pub(super) sum: f64,
    /// The number of durations.
    pub(super) count: u64,
    /// The upper bound of each bucket in seconds, and its count.
    pub(super) buckets: Vec<(f64, u64)>,
}

/// From a broker on the same machine up to the default publish time-out.
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
    fn a_duration_belongs_to_the_first_bucket_whose_bound_it_does_not_exceed() {
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
    fn the_sum_and_the_count_cover_all_durations() {
        let histogram = Histogram::new();
        [1, 2, 7].map(Duration::from_millis).into_iter().for_each(|duration| histogram.observe(duration));
        let Snapshot { sum, count, .. } = histogram.snapshot();
        assert!((sum - 0.01).abs() < 1e-9, "{sum}");
        assert_eq!(count, 3);
    }
}
