//! Durations and sizes with their units.

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
