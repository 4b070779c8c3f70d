//! Durations and sizes with their units, and numbers with their ranges.

use std::num::{NonZeroU16, NonZeroUsize};
use std::time::Duration;

/// Reads `500ms`, `10s` or `2m`; from a millisecond to a day.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let unit = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        _ => None,
    };
    number
        .zip(unit)
        .and_then(|(number, unit)| number.checked_mul(unit))
        .filter(|milliseconds| (1..=24 * 60 * 60_000).contains(milliseconds))
        .map(Duration::from_millis)
        .ok_or_else(|| {
            "expected a whole number and a unit, such as 500ms, 10s or 2m, at most a day".to_owned()
        })
}

/// Reads `4096`, `512KiB` or `64MiB`, in bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let unit = match unit {
        "" | "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    number
        .zip(unit)
        .and_then(|(number, unit)| number.checked_mul(unit))
        .ok_or_else(|| "expected a number of bytes, such as 4096, 512KiB or 64MiB".to_owned())
}

/// Reads a whole number of at least 1.
pub(super) fn count(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number of at least 1".to_owned())
}

/// Reads how many sessions there are to be; each is a connection to the broker.
pub(super) fn sessions(text: &str) -> Result<NonZeroUsize, String> {
    let sessions = text.parse().ok().filter(|sessions: &NonZeroUsize| sessions.get() <= MAX_SESSIONS);
    sessions.ok_or_else(|| format!("expected a whole number from 1 to {MAX_SESSIONS}"))
}

/// Reads a Keep Alive; 0 would turn it off, and a dead broker would never be noticed.
pub(super) fn keep_alive(text: &str) -> Result<NonZeroU16, String> {
    text.parse().map_err(|_| "expected a whole number of seconds from 1 to 65535".to_owned())
}

/// Reads a Session Expiry Interval.
pub(super) fn session_expiry(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("expected a whole number of seconds from 0 to {}", u32::MAX))
}

const MAX_SESSIONS: usize = 1000;

fn split(text: &str) -> (Option<u64>, &str) {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    (number.parse().ok(), unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        let rows = [
            ("500ms", Some(500)),
            ("10s", Some(10_000)),
            ("2m", Some(120_000)),
            ("1440m", Some(86_400_000)),
            ("1441m", None),
            ("0s", None),
            ("10", None),
            ("1.5s", None),
            ("-1s", None),
            ("s", None),
            ("99999999999999999999s", None),
            ("", None),
        ];
        for (given, expected) in rows {
            assert_eq!(duration(given).ok().map(|read| read.as_millis()), expected, "{given:?}");
        }
    }

    #[test]
    fn a_size_is_in_bytes_or_has_a_binary_unit() {
        let rows = [
            ("4096", Some(4096)),
            ("0", Some(0)),
            ("1B", Some(1)),
            ("512KiB", Some(524_288)),
            ("64MiB", Some(67_108_864)),
            ("1GiB", Some(1_073_741_824)),
            ("1kb", None),
            ("MiB", None),
            ("-1", None),
            ("99999999999GiB", None),
        ];
        for (given, expected) in rows {
            assert_eq!(size(given).ok(), expected, "{given:?}");
        }
    }
}
