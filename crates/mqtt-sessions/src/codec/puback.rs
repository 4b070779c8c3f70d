//! PUBACK (MQTT 5.0, 3.4): the broker's answer to one PUBLISH of QoS 1.

use std::num::NonZeroU16;

use super::error::DecodeError;
use super::property::PropertyIdentifier;
use super::reader::{Reader, UNEXPECTED_PROPERTY, once};
use crate::reason_code::{BrokerReason, ReasonCode};

/// A Packet Identifier (MQTT 5.0, 2.2.1): 1 to 65,535.
pub type PacketIdentifier = NonZeroU16;

/// The broker's answer to one PUBLISH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PubAck {
    /// The Packet Identifier of the PUBLISH.
    pub packet_identifier: PacketIdentifier,
    /// The Reason Code, any of the 256, and the Reason String.
    pub reason: BrokerReason,
}

// === impl PubAck ===

impl PubAck {
    /// Decodes the bytes after the fixed header. A Reason Code of 0x00 and the properties may be left out (3.4.2.1).
    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut body = Reader::new(body);
        let packet_identifier = PacketIdentifier::new(body.two_byte_integer()?)
            .ok_or(DecodeError::Protocol("PUBACK's Packet Identifier is 0"))?;
        let reason_code = if body.is_empty() { ReasonCode::SUCCESS } else { ReasonCode(body.byte()?) };
        let reason_string = if body.is_empty() { None } else { reason_string(body.properties()?)? };
        if !body.is_empty() {
            return Err(DecodeError::Malformed("bytes follow PUBACK's properties"));
        }
        Ok(Self { packet_identifier, reason: BrokerReason { reason_code, reason_string } })
    }
}

/// Reads the properties of an acknowledgement, all of which have the same (MQTT 5.0, 3.4.2.2, 3.9.2.1 and 3.11.2.1).
pub(super) fn reason_string(mut properties: Reader<'_>) -> Result<Option<String>, DecodeError> {
    let mut reason_string = None;
    while !properties.is_empty() {
        match properties.property()? {
            PropertyIdentifier::ReasonString => {
                once(&mut reason_string, properties.utf8_string()?.to_owned())?
            }
            PropertyIdentifier::UserProperty => properties.skip_user_property()?,
            _ => return Err(UNEXPECTED_PROPERTY),
        }
    }
    Ok(reason_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_puback_may_omit_success_and_properties() {
        let rows: &[(&[u8], Option<(u16, u8, Option<&str>)>)] = &[
            (&[0, 1], Some((1, 0x00, None))),
            (&[0, 1, 0x10], Some((1, 0x10, None))),
            (&[0xFF, 0xFF, 0x87, 0], Some((65_535, 0x87, None))),
            (&[0, 1, 0x97, 5, 0x1F, 0, 2, b'n', b'o'], Some((1, 0x97, Some("no")))),
            (&[0, 1, 0x97, 6, 0x26, 0, 1, b'a', 0, 0], Some((1, 0x97, None))),
            (&[0, 1, 0x97, 2, 0x1F, 0], None),
            (&[0, 1, 0x97, 6, 0x1F, 0, 0, 0x1F, 0, 0], None),
            (&[0, 1, 0x97, 2, 0x24, 0], None),
            (&[0, 1, 0x97, 0, 0], None),
            (&[0, 0], None),
            (&[0], None),
            (&[], None),
        ];
        for (given, expected) in rows {
            let read = PubAck::decode(given).ok();
            let read = read.as_ref().map(|puback| {
                let BrokerReason { reason_code, reason_string } = &puback.reason;
                (puback.packet_identifier.get(), reason_code.0, reason_string.as_deref())
            });
            assert_eq!(read, *expected, "{given:?}");
        }
    }
}
