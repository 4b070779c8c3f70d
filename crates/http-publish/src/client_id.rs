//! The client id: the identity of the publisher, as the edge verified it. It can serve as an MQTT Client Identifier (MQTT
//! 5.0, 3.1.3.1).

use std::borrow::Cow;

use crate::code::Code;
use crate::fault::Fault;
use crate::{mqtt_string, percent};

/// A verified client id: 1 to 256 bytes of MQTT text (MQTT 5.0, 1.5.4).
///
/// In the field [`CLIENT_ID`](crate::CLIENT_ID) it is percent-encoded, so that a claim cannot inject header fields.
///
/// ```
/// use http_publish::ClientId;
///
/// let client = ClientId::new("spaceship/7".as_bytes())?;
/// assert_eq!(client.to_field(), "spaceship%2F7");
/// # Ok::<(), http_publish::Problem>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientId<'a>(Cow<'a, str>);

/// The longest client id, in bytes.
const MAX_BYTES: usize = 256;

// === impl ClientId ===

impl<'a> ClientId<'a> {
    /// Takes a verified identity.
    ///
    /// # Errors
    /// Returns [`Code::InvalidClientId`] if it is empty, longer than 256 bytes, or not MQTT text.
    pub fn new(bytes: &'a [u8]) -> Result<Self, crate::Problem> {
        let text = mqtt_string::from_bytes(bytes).map_err(|fault| refused(&fault))?;
        if text.is_empty() || text.len() > MAX_BYTES {
            return Err(crate::Problem::new(
                Code::InvalidClientId,
                format!("the verified client id has {} bytes; 1 to {MAX_BYTES} are allowed", text.len()),
            ));
        }
        Ok(Self(Cow::Borrowed(text)))
    }

    /// Reads the value of the field that the edge wrote.
    ///
    /// # Errors
    /// Returns [`Code::InvalidClientId`] as [`ClientId::new`] does, and if the percent-encoding is broken.
    pub fn from_field(raw: &'a [u8]) -> Result<Self, crate::Problem> {
        match percent::decode(raw).map_err(|fault| refused(&fault))? {
            Cow::Borrowed(bytes) => Self::new(bytes),
            Cow::Owned(bytes) => ClientId::new(&bytes).map(ClientId::into_owned),
        }
    }

    /// Copies the client id, so that it does not borrow from the request.
    #[must_use]
    pub fn into_owned(self) -> ClientId<'static> {
        ClientId(Cow::Owned(self.0.into_owned()))
    }

    /// The client id, decoded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the field: percent-encoded.
    #[must_use]
    pub fn to_field(&self) -> String {
        let mut out = String::new();
        percent::encode_into(&self.0, &mut out);
        out
    }
}

fn refused(fault: &Fault) -> crate::Problem {
    crate::Problem::new(
        Code::InvalidClientId,
        format!("the verified client id cannot be used: {}", fault.detail),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_is_mqtt_text_of_1_to_256_bytes() {
        let rows: &[(&[u8], bool)] = &[
            (b"55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7", true),
            (&[b'x'; 256], true),
            ("ä/+#€".as_bytes(), true),
            (&[b'x'; 257], false),
            (b"", false),
            (b"a\r\nx-admin: 1", false),
            (b"\x00\x00\x00\x00\x00\x00\xf0\x3f", false),
        ];
        for (given, expected) in rows {
            assert_eq!(ClientId::new(given).is_ok(), *expected, "{given:?}");
        }
    }

    #[test]
    fn a_client_id_is_the_same_after_its_field_is_read() {
        for given in ["plain-id", "a b,c/ä+", "%41"] {
            let field = ClientId::new(given.as_bytes()).unwrap().to_field();
            assert_eq!(ClientId::from_field(field.as_bytes()).unwrap().as_str(), given);
        }
    }
}
