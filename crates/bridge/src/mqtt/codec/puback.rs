//! PUBACK (MQTT 5.0, 3.4): the broker answers for one message.

use std::num::NonZeroU16;

use http_publish::ReasonCode;

use super::DecodeError;
use super::reader::{Reader, once};

/// A Packet Identifier (MQTT 5.0, 2.2.1): 1 to 65,535.
pub type PacketIdentifier = NonZeroU16;

/// The broker's answer to one PUBLISH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PubAck {
    /// Which PUBLISH.
    pub packet_identifier: PacketIdentifier,
    /// What became of it.
    pub reason_code: ReasonCode,
    /// The broker's own words.
    pub reason_string: Option<String>,
}

// === impl PubAck ===

impl PubAck {
    /// Reads what follows the fixed header. Success may be left out (3.4.2.1), and so may the properties.
    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut body = Reader::new(body);
        let packet_identifier = PacketIdentifier::new(body.two_byte_integer()?)
            .ok_or(DecodeError::Protocol("PUBACK's Packet Identifier is 0"))?;
        let reason_code = if body.is_empty() { ReasonCode::SUCCESS } else { ReasonCode(body.byte()?) };
        let reason_string = if body.is_empty() { None } else { reason_string(body.properties()?)? };
        if !body.is_empty() {
            return Err(DecodeError::Malformed("bytes follow PUBACK's properties"));
        }
        Ok(Self { packet_identifier, reason_code, reason_string })
    }
}

fn reason_string(mut properties: Reader<'_>) -> Result<Option<String>, DecodeError> {
    let mut reason_string = None;
    while !properties.is_empty() {
        match properties.variable_byte_integer()? {
            0x1F => once(&mut reason_string, properties.utf8_string()?.to_owned())?,
            0x26 => properties.skip_user_property()?,
            _ => return Err(DecodeError::Protocol("PUBACK has a property that it may not have")),
        }
    }
    Ok(reason_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_puback_may_leave_out_success_and_properties() {
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
                (puback.packet_identifier.get(), puback.reason_code.0, puback.reason_string.as_deref())
            });
            assert_eq!(read, *expected, "{given:?}");
        }
    }
}
