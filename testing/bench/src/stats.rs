//! The statistics that are reported.

/// The one in the middle; of an even number, the upper of the two. Not a number, where there is none.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A percentile: the smallest value that `percent` % of all do not exceed.
pub(super) fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The median of the differences between two measurements of the same round.
pub(super) fn difference(of: &[f64], from: &[f64]) -> f64 {
    median(of.iter().zip(from).map(|(of, from)| of - from))
}

/// The median of the ratios of two measurements of the same round.
pub(super) fn ratio(of: &[f64], to: &[f64]) -> f64 {
    median(of.iter().zip(to).map(|(of, to)| of / to))
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

    #[test]
    fn what_is_compared_is_of_the_same_round() {
        let (of, to) = ([10.0, 40.0, 90.0], [5.0, 10.0, 30.0]);
        assert_eq!((difference(&of, &to), ratio(&of, &to)), (30.0, 3.0));
    }
}
