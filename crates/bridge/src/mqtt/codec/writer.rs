//! Writes MQTT's data types (MQTT 5.0, 1.5).

use super::MAXIMUM_REMAINING_LENGTH;

/// A string or binary field has more than 65,535 bytes, or a packet more than 268,435,455: MQTT has no way to say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

// === impl TooLong ===

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a field has more than 65,535 bytes, or the packet more than 268,435,455")
    }
}

impl std::error::Error for TooLong {}

/// Appends Binary Data, or a UTF-8 Encoded String: the length in two bytes, and the bytes.
pub(super) fn put_binary(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), TooLong> {
    let length = u16::try_from(bytes.len()).map_err(|_| TooLong)?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// Appends a property that holds a string or Binary Data.
pub(super) fn put_binary_property(out: &mut Vec<u8>, identifier: u8, bytes: &[u8]) -> Result<(), TooLong> {
    out.push(identifier);
    put_binary(out, bytes)
}

/// Appends a property that holds a Four Byte Integer.
pub(super) fn put_four_byte_property(out: &mut Vec<u8>, identifier: u8, value: u32) {
    out.push(identifier);
    out.extend_from_slice(&value.to_be_bytes());
}

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
    fn a_variable_byte_integer_is_as_short_as_it_can_be() {
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
    fn binary_data_of_more_than_65535_bytes_is_not_written() {
        assert_eq!(put_binary(&mut Vec::new(), &[0; 65_535]), Ok(()));
        assert_eq!(put_binary(&mut Vec::new(), &[0; 65_536]), Err(TooLong));
    }
}
