//! The Payload Format Indicator (MQTT 5.0, 3.3.2.3.2).

use crate::code::Code;
use crate::fault::Fault;

/// The format of the payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PayloadFormatIndicator {
    /// Arbitrary bytes; the same as no indicator.
    #[default]
    UnspecifiedBytes,
    /// UTF-8. A payload that is not UTF-8 is refused.
    Utf8,
}

// === impl PayloadFormatIndicator ===

impl PayloadFormatIndicator {
    /// Reads `0` or `1`.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Fault> {
        match text {
            b"0" => Ok(Self::UnspecifiedBytes),
            b"1" => Ok(Self::Utf8),
            _ => Err(Fault::new(
                Code::InvalidPayloadFormatIndicator,
                "the Payload Format Indicator is 0 (bytes) or 1 (UTF-8)",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_format_indicator_is_one_digit_zero_or_one() {
        let rows: &[(&[u8], Option<PayloadFormatIndicator>)] = &[
            (b"0", Some(PayloadFormatIndicator::UnspecifiedBytes)),
            (b"1", Some(PayloadFormatIndicator::Utf8)),
            (b"2", None),
            (b"UTF8_DATA", None),
            (b"", None),
        ];
        for (given, expected) in rows {
            assert_eq!(PayloadFormatIndicator::parse(given).ok(), *expected, "{given:?}");
        }
    }
}
