//! Reads MQTT's data types (MQTT 5.0, 1.5) from the front of a slice.

use super::error::DecodeError;
use super::property::PropertyIdentifier;

/// The unread rest of a packet, or of a part of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

// === impl Reader ===

const CUT_SHORT: DecodeError = DecodeError::Malformed("the packet ends within a field");

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.0.split_first().ok_or(CUT_SHORT)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn two_byte_integer(&mut self) -> Result<u16, DecodeError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(CUT_SHORT)?;
        self.0 = rest;
        Ok(u16::from_be_bytes(*bytes))
    }

    pub(super) fn four_byte_integer(&mut self) -> Result<u32, DecodeError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(CUT_SHORT)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    /// One to four bytes of seven bits each, the lowest first. Only the shortest form is valid.
    pub(super) fn variable_byte_integer(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(DecodeError::Malformed("a length is not in its shortest form"));
                }
                return Ok(value);
            }
        }
        Err(DecodeError::Malformed("a length has more than four bytes"))
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(CUT_SHORT)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// The bytes that are left.
    pub(super) const fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(super) fn binary_data(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.two_byte_integer()?;
        self.bytes(usize::from(length))
    }

    pub(super) fn utf8_string(&mut self) -> Result<&'a str, DecodeError> {
        let text = std::str::from_utf8(self.binary_data()?)
            .map_err(|_| DecodeError::Malformed("a string is not UTF-8"))?;
        if text.contains('\0') {
            return Err(DecodeError::Malformed("a string holds U+0000"));
        }
        Ok(text)
    }

    /// The properties: a length, and that many bytes.
    pub(super) fn properties(&mut self) -> Result<Self, DecodeError> {
        let length = self.variable_byte_integer()?;
        let length = usize::try_from(length).map_err(|_| CUT_SHORT)?;
        self.bytes(length).map(Self)
    }

    /// Reads a property's identifier. One that MQTT 5 does not define makes the packet malformed (2.2.2.2).
    pub(super) fn property(&mut self) -> Result<PropertyIdentifier, DecodeError> {
        PropertyIdentifier::from_identifier(self.variable_byte_integer()?).ok_or(UNEXPECTED_PROPERTY)
    }

    /// Skips a User Property: a publisher does not use those of the broker.
    pub(super) fn skip_user_property(&mut self) -> Result<(), DecodeError> {
        self.utf8_string()?;
        self.utf8_string().map(|_| ())
    }
}

/// The property is not defined, or not for this packet (MQTT 5.0, 2.2.2.2).
pub(super) const UNEXPECTED_PROPERTY: DecodeError =
    DecodeError::Malformed("a property is not defined for the packet");

/// Stores a property that may occur at most once (MQTT 5.0, 2.2.2.2).
pub(super) fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), DecodeError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(DecodeError::Protocol("a property occurs twice")),
    }
}

/// Checks a property that holds a flag.
pub(super) fn flag(value: u8) -> Result<u8, DecodeError> {
    match value {
        0 | 1 => Ok(value),
        _ => Err(DecodeError::Protocol("a flag is neither 0 nor 1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_byte_integer_has_one_to_four_bytes_in_the_shortest_form() {
        let rows: &[(&[u8], Option<u32>)] = &[
            (&[0x00], Some(0)),
            (&[0x7F], Some(127)),
            (&[0x80, 0x01], Some(128)),
            (&[0xFF, 0x7F], Some(16_383)),
            (&[0xFF, 0xFF, 0xFF, 0x7F], Some(268_435_455)),
            (&[0xFF, 0xFF, 0xFF, 0xFF, 0x01], None),
            (&[0x80, 0x00], None),
            (&[0x80], None),
            (&[], None),
        ];
        for (given, expected) in rows {
            assert_eq!(Reader::new(given).variable_byte_integer().ok(), *expected, "{given:?}");
        }
    }

    #[test]
    fn a_string_is_utf8_without_nul() {
        let rows: &[(&[u8], Option<&str>)] = &[
            (b"\x00\x00", Some("")),
            (b"\x00\x03abc", Some("abc")),
            (b"\x00\x02\xc3\xa4", Some("ä")),
            (b"\x00\x02\xc3\x28", None),
            (b"\x00\x01\x00", None),
            (b"\x00\x04abc", None),
            (b"\x00", None),
        ];
        for (given, expected) in rows {
            assert_eq!(Reader::new(given).utf8_string().ok(), *expected, "{given:?}");
        }
    }
}
