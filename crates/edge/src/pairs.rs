//! Pairs of texts as the proxy-wasm ABI 0.2.1 passes them: a count, then both lengths of every pair, then the bytes of every
//! text, each followed by a NUL. Counts and lengths have 32 bits, little-endian.

use crate::host::Fields;

/// A map of fields in one buffer; the pairs borrow from it.
#[derive(Clone, Debug)]
pub struct Pairs<B>(B);

const WORD: usize = 4;

// === impl Pairs ===

impl<B: AsRef<[u8]>> Pairs<B> {
    /// Takes a buffer; `None` unless it has at least one pair and every pair lies inside it: fields after a bad length
    /// would otherwise pass unchecked.
    #[must_use]
    pub fn new(bytes: B) -> Option<Self> {
        let pairs = Self(bytes);
        let count = word(pairs.0.as_ref(), 0)?;
        (count != 0 && pairs.pairs().count() == count).then_some(pairs)
    }
}

impl<B: AsRef<[u8]>> Fields for Pairs<B> {
    fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let bytes = self.0.as_ref();
        let count = word(bytes, 0).unwrap_or_default();
        let mut lengths_at = WORD;
        let mut text_at = WORD.saturating_add(count.saturating_mul(2 * WORD));
        (0..count).map_while(move |_| {
            let name_end = text_at.checked_add(word(bytes, lengths_at)?)?;
            let value_end = name_end.checked_add(1)?.checked_add(word(bytes, lengths_at + WORD)?)?;
            let pair = (bytes.get(text_at..name_end)?, bytes.get(name_end + 1..value_end)?);
            lengths_at += 2 * WORD;
            text_at = value_end.checked_add(1)?;
            Some(pair)
        })
    }
}

/// Writes pairs as [`Pairs`] reads them. A text of 4 GiB or more cannot be written; none is near that.
#[must_use]
pub fn serialize(pairs: &[(&str, &str)]) -> Vec<u8> {
    let word_of = |length: usize| u32::try_from(length).unwrap_or_default().to_le_bytes();
    let mut bytes = word_of(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend(word_of(name.len()));
        bytes.extend(word_of(value.len()));
    }
    for (name, value) in pairs {
        for text in [name, value] {
            bytes.extend(text.as_bytes());
            bytes.push(0);
        }
    }
    bytes
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk::<WORD>()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `PairsUtil::marshalPairs` of Envoy's proxy-wasm-cpp-host writes these two pairs so.
    const TWO: &[u8] = b"\x02\0\0\0\x03\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0abc\0d\0e\0\0";

    fn read(bytes: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        let pairs = Pairs::new(bytes)?;
        Some(pairs.pairs().map(|(name, value)| (name.to_vec(), value.to_vec())).collect())
    }

    fn owned(name: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
        (name.into(), value.into())
    }

    #[test]
    fn pairs_are_read_as_the_abi_writes_them() {
        assert_eq!(read(TWO), Some(vec![owned("abc", "d"), owned("e", "")]));
        assert_eq!(serialize(&[("abc", "d"), ("e", "")]), TWO);
    }

    #[test]
    fn a_buffer_that_does_not_hold_all_its_pairs_is_refused() {
        for end in 0..TWO.len() - 1 {
            assert_eq!(read(&TWO[..end]), None, "{end} bytes of it");
        }
        let rows: &[&[u8]] = &[
            b"\0\0\0\0",
            b"\xff\xff\xff\xff",
            b"\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xffa\0b\0",
            b"\x01\0\0\0\x01\0\0\0\xfe\xff\xff\xffa\0b\0",
        ];
        for bytes in rows {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }

        #[test]
        fn what_is_written_is_read_again(pairs in proptest::collection::vec((".{0,9}", ".{0,9}"), 1..9)) {
            let texts: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let expected = texts.iter().map(|(name, value)| owned(name, value)).collect();
            prop_assert_eq!(read(&serialize(&texts)), Some(expected));
        }
    }
}
