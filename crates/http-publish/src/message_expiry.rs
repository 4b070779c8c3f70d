//! The Message Expiry Interval (MQTT 5.0, 3.3.2.3.3).

use std::num::NonZeroU32;

use crate::code::Code;
use crate::fault::Fault;

/// The time for which the broker may keep the message for a subscriber: 1 to 4,294,967,295 seconds.
///
/// A request with `0` means "never expires", as in Azure. In MQTT such a message has no interval, so an interval of zero does
/// not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageExpiryInterval(NonZeroU32);

// === impl MessageExpiryInterval ===

impl MessageExpiryInterval {
    /// Reads decimal digits. `0` is `None`.
    pub(crate) fn parse(text: &[u8], limit: u32) -> Result<Option<Self>, Fault> {
        let Some(seconds) = decimal(text) else {
            return Err(Fault::new(
                Code::InvalidMessageExpiry,
                "the Message Expiry Interval has to be a number of seconds in decimal digits",
            )
            .limit(limit));
        };
        if seconds > u64::from(limit) {
            return Err(Fault::new(
                Code::InvalidMessageExpiry,
                "the Message Expiry Interval is over the limit of seconds",
            )
            .limit(limit)
            .actual(seconds));
        }
        let seconds = u32::try_from(seconds).ok().and_then(NonZeroU32::new);
        Ok(seconds.map(Self))
    }

    /// The interval in seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0.get()
    }
}

/// Reads at least one decimal digit. A number over `u64::MAX` is `u64::MAX`.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |sum, &byte| {
        byte.is_ascii_digit().then(|| sum.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_expiry_is_a_decimal_number_of_seconds_and_zero_means_never() {
        let rows: &[(&[u8], Option<Option<u32>>)] = &[
            (b"0", Some(None)),
            (b"00", Some(None)),
            (b"1", Some(Some(1))),
            (b"0060", Some(Some(60))),
            (b"4294967295", Some(Some(u32::MAX))),
            (b"4294967296", None),
            (b"99999999999999999999999999", None),
            (b"-1", None),
            (b"+1", None),
            (b"1.5", None),
            (b"60s", None),
            (b"", None),
        ];
        for (given, expected) in rows {
            let read = MessageExpiryInterval::parse(given, u32::MAX).ok();
            assert_eq!(read.map(|interval| interval.map(|i| i.seconds())), *expected, "{given:?}");
        }
    }

    #[test]
    fn message_expiry_over_the_limit_has_the_limit_and_the_value() {
        let fault = MessageExpiryInterval::parse(b"604801", 604_800).unwrap_err();
        assert_eq!((fault.limit, fault.actual), (Some(604_800), Some(604_801)));
    }
}
