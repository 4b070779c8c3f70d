//! Writes MQTT's data types (MQTT 5.0, 1.5).

use super::error::TooLong;
use super::property::PropertyIdentifier;

/// The largest Remaining Length (MQTT 5.0, 1.5.5).
const MAXIMUM_REMAINING_LENGTH: u32 = 268_435_455;

/// Appends Binary Data or a UTF-8 Encoded String: the length in two bytes, then the bytes.
pub(super) fn put_binary(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), TooLong> {
    let length = u16::try_from(bytes.len()).map_err(|_| TooLong)?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// Appends a property that holds a string or Binary Data.
pub(super) fn put_binary_property(
    out: &mut Vec<u8>,
    property: PropertyIdentifier,
    bytes: &[u8],
) -> Result<(), TooLong> {
    out.push(property.identifier());
    put_binary(out, bytes)
}

/// Appends a property that holds a Four Byte Integer.
pub(super) fn put_four_byte_property(out: &mut Vec<u8>, property: PropertyIdentifier, value: u32) {
    out.push(property.identifier());
    out.extend_from_slice(&value.to_be_bytes());
}

/// How many bytes [`put_binary`] appends.
pub(super) const fn binary_length(bytes: &[u8]) -> usize {
    2 + bytes.len()
}

/// How many bytes [`put_binary_property`] appends.
pub(super) const fn binary_property_length(bytes: &[u8]) -> usize {
    1 + binary_length(bytes)
}

/// How many bytes [`put_four_byte_property`] appends.
pub(super) const FOUR_BYTE_PROPERTY_LENGTH: usize = 5;

/// Appends a Variable Byte Integer of at most 268,435,455.
pub(super) fn put_variable_byte_integer(out: &mut Vec<u8>, value: usize) -> Result<(), TooLong> {
    let mut rest = u32::try_from(value).map_err(|_| TooLong)?;
    if rest > MAXIMUM_REMAINING_LENGTH {
        return Err(TooLong);
    }
    while rest >= 0x80 {
        out.push(low_seven_bits(rest) | 0x80);
        rest >>= 7;
    }
    out.push(low_seven_bits(rest));
    Ok(())
}

/// How many bytes [`put_variable_byte_integer`] appends.
pub(super) const fn variable_byte_integer_length(value: usize) -> usize {
    match value {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x001F_FFFF => 3,
        _ => 4,
    }
}

const fn low_seven_bits(value: u32) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low & 0x7F
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_byte_integer_is_written_in_its_shortest_form() {
        let rows: &[(usize, Option<&[u8]>)] = &[
            (0, Some(&[0x00])),
            (127, Some(&[0x7F])),
            (128, Some(&[0x80, 0x01])),
            (16_383, Some(&[0xFF, 0x7F])),
            (16_384, Some(&[0x80, 0x80, 0x01])),
            (2_097_151, Some(&[0xFF, 0xFF, 0x7F])),
            (2_097_152, Some(&[0x80, 0x80, 0x80, 0x01])),
            (268_435_455, Some(&[0xFF, 0xFF, 0xFF, 0x7F])),
            (268_435_456, None),
        ];
        for (given, expected) in rows {
            let mut out = Vec::new();
            let written = put_variable_byte_integer(&mut out, *given).ok().map(|()| out.as_slice());
            assert_eq!(written, *expected, "{given}");
            if let Some(bytes) = expected {
                assert_eq!(variable_byte_integer_length(*given), bytes.len(), "{given}");
            }
        }
    }

    #[test]
    fn binary_data_of_more_than_65535_bytes_is_an_error() {
        assert_eq!(put_binary(&mut Vec::new(), &[0; 65_535]), Ok(()));
        assert_eq!(put_binary(&mut Vec::new(), &[0; 65_536]), Err(TooLong));
    }
}
