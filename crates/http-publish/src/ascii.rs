//! Tests of ASCII text, eight bytes at a time: most values are ASCII, and every byte of a request's head is looked at.

/// Whether every byte is a printable character of ASCII or a space.
pub(crate) fn is_printable(bytes: &[u8]) -> bool {
    all_from(b' ', bytes)
}

/// Whether every byte is a visible character of ASCII.
pub(crate) fn is_visible(bytes: &[u8]) -> bool {
    all_from(b'!', bytes)
}

/// Whether `lowest <= byte <= b'~'` for every byte. `lowest` is at most 128.
fn all_from(lowest: u8, bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().all(|word| word_from(lowest, u64::from_le_bytes(*word)))
        && rest.iter().all(|byte| (lowest..=b'~').contains(byte))
}

/// The same for the eight bytes of a word. A byte below the lowest borrows in the subtraction and sets its high bit, as
/// does a zero byte if 1 is subtracted; a byte outside ASCII has its high bit set already.
const fn word_from(lowest: u8, word: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH_BITS: u64 = ONES << 7;
    const DELETE: u64 = ONES * 0x7f;
    let is_delete = word ^ DELETE;
    let too_low = word.wrapping_sub(ONES * lowest as u64) & !word;
    let delete = is_delete.wrapping_sub(ONES) & !is_delete;
    (word | too_low | delete) & HIGH_BITS == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_at_every_place_is_judged_as_by_itself() {
        for byte in 0..=u8::MAX {
            for at in 0..11 {
                let mut bytes = [b'a'; 11];
                bytes[at] = byte;
                assert_eq!(is_printable(&bytes), matches!(byte, 0x20..=0x7e), "{byte:#04x} at {at}");
                assert_eq!(is_visible(&bytes), byte.is_ascii_graphic(), "{byte:#04x} at {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn text_is_visible_if_each_of_its_bytes_is(bytes in proptest::collection::vec(0x1f..0x82u8, 0..20)) {
            prop_assert_eq!(is_visible(&bytes), bytes.iter().all(u8::is_ascii_graphic));
            prop_assert_eq!(is_printable(&bytes), bytes.iter().all(|byte| (0x20..0x7f).contains(byte)));
        }
    }
}
