//! Quality of Service (MQTT 5.0, 4.3). HTTP Publish knows 0 and 1.

use crate::code::Code;
use crate::fault::Fault;

/// What the broker owes the publisher before the publish counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum QoS {
    /// Nothing: the message is sent once, and nothing says whether it arrived.
    AtMostOnce,
    /// A PUBACK: the message is sent until it arrives.
    #[default]
    AtLeastOnce,
}

// === impl QoS ===

impl QoS {
    /// Reads `0` or `1`; nothing else, not `01`, not ` 1`.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Fault> {
        match text {
            b"0" => Ok(Self::AtMostOnce),
            b"1" => Ok(Self::AtLeastOnce),
            _ => Err(Fault::new(Code::InvalidQos, "QoS is 0 or 1; HTTP Publish knows no other")),
        }
    }

    /// The one spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtMostOnce => "0",
            Self::AtLeastOnce => "1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qos_is_one_digit_zero_or_one() {
        let rows: &[(&[u8], Option<QoS>)] = &[
            (b"0", Some(QoS::AtMostOnce)),
            (b"1", Some(QoS::AtLeastOnce)),
            (b"2", None),
            (b"3", None),
            (b"01", None),
            (b" 1", None),
            (b"-1", None),
            (b"1,1", None),
            (b"", None),
            (b"\xff", None),
        ];
        for (given, expected) in rows {
            assert_eq!(QoS::parse(given).ok(), *expected, "{given:?}");
        }
    }
}
