//! DISCONNECT (MQTT 5.0, 3.14), both ways.

use http_publish::ReasonCode;

use super::DecodeError;
use super::reader::{Reader, once};

/// The broker ends the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// Why.
    pub reason_code: ReasonCode,
    /// The broker's own words.
    pub reason_string: Option<String>,
}

/// DISCONNECT 0x00 with a Session Expiry Interval of 0: the bridge goes for good, and its session with it.
pub const GOODBYE: [u8; 9] = [0xE0, 0x07, 0x00, 0x05, 0x11, 0x00, 0x00, 0x00, 0x00];

/// DISCONNECT with a Reason Code: the broker sent what it may not. The properties are empty rather than left out, as not
/// every broker reads the short form.
#[must_use]
pub const fn encode(reason_code: ReasonCode) -> [u8; 4] {
    [0xE0, 0x02, reason_code.0, 0x00]
}

// === impl Disconnect ===

impl Disconnect {
    /// Reads what follows the fixed header; an empty one means 0x00 (3.14.2.1).
    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut body = Reader::new(body);
        let reason_code = if body.is_empty() { ReasonCode::SUCCESS } else { ReasonCode(body.byte()?) };
        let reason_string = if body.is_empty() { None } else { reason_string(body.properties()?)? };
        if !body.is_empty() {
            return Err(DecodeError::Malformed("bytes follow DISCONNECT's properties"));
        }
        Ok(Self { reason_code, reason_string })
    }
}

fn reason_string(mut properties: Reader<'_>) -> Result<Option<String>, DecodeError> {
    let mut reason_string = None;
    while !properties.is_empty() {
        match properties.variable_byte_integer()? {
            0x1F => once(&mut reason_string, properties.utf8_string()?.to_owned())?,
            0x26 => properties.skip_user_property()?,
            // Session Expiry Interval and Server Reference: this side follows neither.
            0x11 => drop(properties.four_byte_integer()?),
            0x1C => drop(properties.utf8_string()?),
            _ => return Err(DecodeError::Protocol("DISCONNECT has a property that it may not have")),
        }
    }
    Ok(reason_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disconnect_may_leave_out_the_reason_code_and_the_properties() {
        let rows: &[(&[u8], Option<(u8, Option<&str>)>)] = &[
            (&[], Some((0x00, None))),
            (&[0x8B], Some((0x8B, None))),
            (&[0x95, 0], Some((0x95, None))),
            (&[0x96, 6, 0x1F, 0, 3, b's', b'l', b'o'], Some((0x96, Some("slo")))),
            (&[0x9C, 4, 0x1C, 0, 1, b'b'], Some((0x9C, None))),
            (&[0x9C, 2, 0x01, 0], None),
            (&[0x00, 0, 0], None),
        ];
        for (given, expected) in rows {
            let read = Disconnect::decode(given).ok();
            let read = read.as_ref().map(|read| (read.reason_code.0, read.reason_string.as_deref()));
            assert_eq!(read, *expected, "{given:?}");
        }
    }
}
