//! DISCONNECT (MQTT 5.0, 3.14), both ways.

use super::error::DecodeError;
use super::property::PropertyIdentifier;
use super::reader::{Reader, UNEXPECTED_PROPERTY, once};
use crate::reason_code::{BrokerReason, ReasonCode};

/// The broker closes the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// Why.
    pub reason: BrokerReason,
    /// The servers to use instead, as the broker writes them (4.11).
    pub server_reference: Option<String>,
}

/// DISCONNECT 0x00 with a Session Expiry Interval of 0: the session ends with the connection.
pub const GOODBYE: [u8; 9] = [0xE0, 0x07, 0x00, 0x05, 0x11, 0x00, 0x00, 0x00, 0x00];

/// DISCONNECT with a Reason Code, for a broker that violated the protocol. The properties are empty rather than left out:
/// not every broker reads the short form.
#[must_use]
pub const fn encode(reason_code: ReasonCode) -> [u8; 4] {
    [0xE0, 0x02, reason_code.0, 0x00]
}

// === impl Disconnect ===

impl Disconnect {
    /// Decodes the bytes after the fixed header. No bytes mean 0x00 (3.14.2.1).
    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut body = Reader::new(body);
        let reason_code = if body.is_empty() { ReasonCode::SUCCESS } else { ReasonCode(body.byte()?) };
        let reason = BrokerReason { reason_code, reason_string: None };
        let mut disconnect = Self { reason, server_reference: None };
        if !body.is_empty() {
            disconnect.read_properties(body.properties()?)?;
        }
        if !body.is_empty() {
            return Err(DecodeError::Malformed("bytes follow DISCONNECT's properties"));
        }
        Ok(disconnect)
    }

    fn read_properties(&mut self, mut properties: Reader<'_>) -> Result<(), DecodeError> {
        while !properties.is_empty() {
            match properties.property()? {
                PropertyIdentifier::ReasonString => {
                    once(&mut self.reason.reason_string, properties.utf8_string()?.to_owned())?;
                }
                PropertyIdentifier::ServerReference => {
                    once(&mut self.server_reference, properties.utf8_string()?.to_owned())?;
                }
                PropertyIdentifier::UserProperty => properties.skip_user_property()?,
                // A broker must not send it (3.14.2.2.2), and Session Present tells whether the session still exists.
                PropertyIdentifier::SessionExpiryInterval => drop(properties.four_byte_integer()?),
                _ => return Err(UNEXPECTED_PROPERTY),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disconnect_may_omit_the_reason_code_and_the_properties() {
        let rows: &[(&[u8], Option<(u8, Option<&str>, Option<&str>)>)] = &[
            (&[], Some((0x00, None, None))),
            (&[0x8B], Some((0x8B, None, None))),
            (&[0x95, 0], Some((0x95, None, None))),
            (&[0x96, 6, 0x1F, 0, 3, b's', b'l', b'o'], Some((0x96, Some("slo"), None))),
            (&[0x9C, 4, 0x1C, 0, 1, b'b'], Some((0x9C, None, Some("b")))),
            (&[0x9C, 8, 0x1C, 0, 1, b'b', 0x1C, 0, 1, b'c'], None),
            (&[0x9C, 2, 0x01, 0], None),
            (&[0x00, 0, 0], None),
        ];
        for (given, expected) in rows {
            let read = Disconnect::decode(given).ok();
            let read = read.as_ref().map(|Disconnect { reason, server_reference }| {
                (reason.reason_code.0, reason.reason_string.as_deref(), server_reference.as_deref())
            });
            assert_eq!(read, *expected, "{given:?}");
        }
    }
}
