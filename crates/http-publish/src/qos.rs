//! Quality of Service (MQTT 5.0, 4.3). HTTP Publish supports 0 and 1.

use crate::code::Code;
use crate::fault::Fault;

/// The delivery guarantee between the publisher and the broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum QoS {
    /// QoS 0: the message is sent once and not acknowledged.
    AtMostOnce,
    /// QoS 1: the broker acknowledges the message with a PUBACK.
    #[default]
    AtLeastOnce,
}

// === impl QoS ===

impl QoS {
    /// Reads `0` or `1`. `01` and ` 1` are not valid.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Fault> {
        match text {
            b"0" => Ok(Self::AtMostOnce),
            b"1" => Ok(Self::AtLeastOnce),
            _ => Err(Fault::new(Code::InvalidQos, "QoS has to be 0 or 1; HTTP Publish supports no other")),
        }
    }

    /// The normal form.
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
