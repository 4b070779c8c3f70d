//! The table that a person reads.

use super::edge::Edge;
use super::load::Round;

/// Prints one workload: a line for each edge, compared with the one without the filter.
pub(super) fn print(rows: &[(&Edge, &Vec<Round>)]) {
    let columns = ["requests/s", "p50, us", "p99, us", "Envoy, us/message", "ratio", "bridge, us/message"];
    let [rate, p50, p99, envoy, ratio, bridge] = columns;
    println!("  {:<22}{rate:>12}{p50:>10}{p99:>10}{envoy:>19}{ratio:>7}{bridge:>20}", "");
    let baseline = rows.iter().find(|(edge, _)| **edge == Edge::WithoutFilter);
    for (edge, rounds) in rows {
        let mut latencies: Vec<u64> = rounds.iter().flat_map(|round| &round.latencies).copied().collect();
        latencies.sort_unstable();
        let rate = median(rounds.iter().map(|round| round.requests_per_second));
        let [p50, p99] = [50, 99].map(|percent| percentile(&latencies, percent));
        let envoy = median(rounds.iter().map(envoy_cpu));
        let bridge = median(rounds.iter().map(bridge_cpu));
        // Of one round each: what the machine did besides was much the same for both.
        let ratios = baseline.iter().flat_map(|(_, baseline)| rounds.iter().zip(*baseline));
        let ratio = median(ratios.map(|(round, baseline)| envoy_cpu(round) / envoy_cpu(baseline)));
        println!("  {edge:<22}{rate:>12.0}{p50:>10}{p99:>10}{envoy:>19.1}{ratio:>7.2}{bridge:>20.1}");
    }
}

/// Prints what a message of a batch costs Envoy and the bridge together, as a share of a single one.
pub(super) fn print_batch(edge: &Edge, single: &[Round], batch: &[Round]) {
    let both = |rounds: &[Round]| median(rounds.iter().map(|round| envoy_cpu(round) + bridge_cpu(round)));
    let (single, batch) = (both(single), both(batch));
    println!(
        "  {edge}: {batch:.1} us a message of a batch, {single:.1} us a single one: 1/{:.1}",
        single / batch
    );
}

/// In microseconds a message.
fn envoy_cpu(round: &Round) -> f64 {
    round.envoy_per_message.as_secs_f64() * 1e6
}

/// In microseconds a message.
fn bridge_cpu(round: &Round) -> f64 {
    round.bridge_per_message.as_secs_f64() * 1e6
}

/// The one in the middle; of an even number, the upper of the two. Not a number, where there is none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A percentile: the smallest value that `percent` % of all do not exceed.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        for (values, expected) in [(&[3.0, 1.0, 2.0][..], 2.0), (&[4.0, 1.0], 4.0), (&[5.0], 5.0)] {
            assert_eq!(median(values.iter().copied()), expected, "{values:?}");
        }
        assert!(median(std::iter::empty()).is_nan());
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let hundred: Vec<u64> = (1..=100).collect();
        let rows =
            [(&hundred[..], 50, 50), (&hundred, 99, 99), (&[7, 9], 50, 7), (&[7, 9], 99, 9), (&[], 50, 0)];
        for (sorted, percent, expected) in rows {
            assert_eq!(percentile(sorted, percent), expected, "{percent} % of {}", sorted.len());
        }
    }
}
