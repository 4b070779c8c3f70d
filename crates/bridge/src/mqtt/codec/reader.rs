//! Reads MQTT's data types (MQTT 5.0, 1.5) from the front of a slice.

use http_publish::ReasonCode;

/// Why bytes from the broker are not a packet that a publisher may receive. The broker is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes break the packet's format.
    Malformed(&'static str),
    /// The packet is well-formed, and the protocol does not allow it here.
    Protocol(&'static str),
    /// The packet is larger than the maximum that CONNECT announced; both in bytes.
    TooLarge {
        /// The size of the packet.
        actual: usize,
        /// The announced maximum.
        maximum: usize,
    },
}

/// What is left to read of a packet, or of a part of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

// === impl DecodeError ===

impl DecodeError {
    /// The Reason Code of the DISCONNECT that ends such a connection (MQTT 5.0, 4.13.1).
    #[must_use]
    pub const fn reason_code(self) -> ReasonCode {
        match self {
            Self::Malformed(_) => ReasonCode(0x81),
            Self::Protocol(_) => ReasonCode(0x82),
            Self::TooLarge { .. } => ReasonCode(0x95),
        }
    }
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(what) => write!(f, "the broker sent a malformed packet: {what}"),
            Self::Protocol(what) => write!(f, "the broker broke the protocol: {what}"),
            Self::TooLarge { actual, maximum } => {
                write!(
                    f,
                    "the broker sent a packet of {actual} bytes, where {maximum} were announced as the most"
                )
            }
        }
    }
}

impl std::error::Error for DecodeError {}

// === impl Reader ===

const CUT_SHORT: DecodeError = DecodeError::Malformed("it ends within a field");

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

    /// One to four bytes of seven bits each, the lowest first; in the shortest form only.
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

    /// Skips a User Property: a publisher has no use for the broker's.
    pub(super) fn skip_user_property(&mut self) -> Result<(), DecodeError> {
        self.utf8_string()?;
        self.utf8_string().map(|_| ())
    }
}

/// Stores a property that may be there at most once (MQTT 5.0, 2.2.2.2).
pub(super) fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), DecodeError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(DecodeError::Protocol("a property is there twice")),
    }
}

/// A property that holds a flag.
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
