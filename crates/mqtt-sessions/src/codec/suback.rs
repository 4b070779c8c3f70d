//! SUBACK and UNSUBACK (MQTT 5.0, 3.9 and 3.11): the broker's answers to SUBSCRIBE and UNSUBSCRIBE.

use super::error::DecodeError;
use super::puback::{PacketIdentifier, reason_string};
use super::reader::Reader;
use crate::reason_code::{BrokerReason, ReasonCode};

/// The broker's answer to a SUBSCRIBE or an UNSUBSCRIBE with one Topic Filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubAck {
    /// The Packet Identifier of the SUBSCRIBE or UNSUBSCRIBE.
    pub packet_identifier: PacketIdentifier,
    /// The Reason Code of the Topic Filter, any of the 256, and the Reason String. In a SUBACK, 0x00, 0x01 and 0x02 grant the
    /// subscription with this QoS; codes from 0x80 refuse it.
    pub reason: BrokerReason,
}

// === impl SubAck ===

impl SubAck {
    /// Decodes the bytes after the fixed header.
    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut body = Reader::new(body);
        let packet_identifier = PacketIdentifier::new(body.two_byte_integer()?)
            .ok_or(DecodeError::Protocol("the Packet Identifier of a SUBACK is 0"))?;
        let reason_string = reason_string(body.properties()?)?;
        let reason_code = ReasonCode(body.byte()?);
        if !body.is_empty() {
            return Err(DecodeError::Protocol(
                "a SUBACK has more Reason Codes than its SUBSCRIBE has filters",
            ));
        }
        Ok(Self { packet_identifier, reason: BrokerReason { reason_code, reason_string } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suback_has_properties_and_one_reason_code() {
        let rows: &[(&[u8], Option<(u16, u8, Option<&str>)>)] = &[
            (&[0, 1, 0, 0x01], Some((1, 0x01, None))),
            (&[0xFF, 0xFF, 0, 0x87], Some((65_535, 0x87, None))),
            (&[0, 1, 5, 0x1F, 0, 2, b'n', b'o', 0x97], Some((1, 0x97, Some("no")))),
            (&[0, 1, 0, 0x01, 0x01], None),
            (&[0, 1, 0], None),
            (&[0, 1], None),
            (&[0, 0, 0, 0x01], None),
            (&[0, 1, 2, 0x24, 0, 0x01], None),
            (&[], None),
        ];
        for (given, expected) in rows {
            let read = SubAck::decode(given).ok();
            let read = read.as_ref().map(|suback| {
                let BrokerReason { reason_code, reason_string } = &suback.reason;
                (suback.packet_identifier.get(), reason_code.0, reason_string.as_deref())
            });
            assert_eq!(read, *expected, "{given:?}");
        }
    }
}
