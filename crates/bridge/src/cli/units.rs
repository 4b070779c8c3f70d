//! Durations and sizes with their units, and numbers with their ranges.

use std::num::{NonZeroU16, NonZeroUsize};
use std::time::Duration;

use bytesize::ByteSize;
use http_publish::is_mqtt_string;

/// The longest duration.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The largest size in bytes: 1 TiB, more than any machine gives a bridge.
const MAX_SIZE: u64 = 1 << 40;

/// The maximum number of sessions. Each has its own connection to the broker.
const MAX_SESSIONS: usize = 1000;

/// Parses `500ms`, `1.5s`, `2m` or `1h 30m`, from a millisecond to a day.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).ok();
    duration
        .filter(|duration| (Duration::from_millis(1)..=DAY).contains(duration))
        .ok_or_else(|| "expected a number and a unit, such as 500ms, 1.5s or 2m, at most a day".to_owned())
}

/// Parses what [`duration`] does, and `0s`.
pub(super) fn duration_or_none(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Ok(Duration::ZERO),
        _ => duration(text),
    }
}

/// Parses `4096`, `512KiB` or `64MB`, in bytes. A unit may have any case.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let size = text.parse().ok().map(|size: ByteSize| size.as_u64());
    size.filter(|size| *size <= MAX_SIZE)
        .ok_or_else(|| "expected a number of bytes, such as 4096, 512KiB or 64MB, at most 1TiB".to_owned())
}

/// Parses a percentage from `1%` to `100%`.
pub(super) fn percentage(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').and_then(|number| number.parse().ok());
    number
        .filter(|number| (1..=100).contains(number))
        .ok_or_else(|| "expected a whole percentage from 1% to 100%".to_owned())
}

/// Parses a whole number of at least 1.
pub(super) fn count(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number of at least 1".to_owned())
}

/// Parses the length of a listen queue.
pub(super) fn backlog(text: &str) -> Result<NonZeroU16, String> {
    text.parse().map_err(|_| "expected a whole number from 1 to 65535".to_owned())
}

/// Parses a number of sessions.
pub(super) fn sessions(text: &str) -> Result<NonZeroUsize, String> {
    let sessions = text.parse().ok().filter(|sessions: &NonZeroUsize| sessions.get() <= MAX_SESSIONS);
    sessions.ok_or_else(|| format!("expected a whole number from 1 to {MAX_SESSIONS}"))
}

/// Parses the first levels of a topic, to which more are added.
pub(super) fn topic_prefix(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= 128 && !text.starts_with('$') && !text.contains(['+', '#']);
    if fits && is_mqtt_string(text) {
        return Ok(text.to_owned());
    }
    Err("expected a topic of 1 to 128 bytes without wildcards, not starting with $".to_owned())
}

/// Parses a Keep Alive. 0 would turn it off, and a dead broker would not be detected.
pub(super) fn keep_alive(text: &str) -> Result<NonZeroU16, String> {
    text.parse().map_err(|_| "expected a whole number of seconds from 1 to 65535".to_owned())
}

/// Parses a Session Expiry Interval.
pub(super) fn session_expiry(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("expected a whole number of seconds from 0 to {}", u32::MAX))
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
            ("1h 30m", Some(5_400_000)),
            ("1s 500ms", Some(1500)),
            ("1.5s", Some(1500)),
            ("1440m", Some(86_400_000)),
            ("1441m", None),
            ("0s", None),
            ("10", None),
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
    fn a_size_is_in_bytes_or_has_a_unit() {
        let rows = [
            ("4096", Some(4096)),
            ("0", Some(0)),
            ("1B", Some(1)),
            ("512KiB", Some(524_288)),
            ("64MiB", Some(67_108_864)),
            ("1GiB", Some(1_073_741_824)),
            ("1 GB", Some(1_000_000_000)),
            ("512kB", Some(512_000)),
            ("512kb", Some(512_000)),
            ("512kib", Some(524_288)),
            ("1.5KiB", Some(1536)),
            ("1TiB", Some(1_099_511_627_776)),
            ("1025GiB", None),
            ("99999999999GiB", None),
            ("512kilobytes", None),
            ("MiB", None),
            ("-1", None),
        ];
        for (given, expected) in rows {
            assert_eq!(size(given).ok(), expected, "{given:?}");
        }
    }
}
