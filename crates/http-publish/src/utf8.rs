//! A UTF-8 check of a stream of chunks, which may end inside a character.

/// The state of the check: whether all bytes so far are the start of UTF-8 text.
///
/// ```
/// let mut check = http_publish::Utf8Check::default();
/// assert_eq!(check.push(b"\xe2\x82"), Ok(()));
/// assert_eq!(check.push(b"\xac"), Ok(()));
/// assert_eq!(check.finish(), Ok(()));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Utf8Check {
    /// The first `held` bytes are the start of a character that the next chunk continues.
    start: [u8; 4],
    held: usize,
    /// The number of bytes that are whole characters.
    checked: u64,
}

// === impl Utf8Check ===

impl Utf8Check {
    /// Checks the next bytes.
    ///
    /// # Errors
    /// Returns the offset, from the first byte of the stream, of the first character that is not UTF-8.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), u64> {
        while self.held > 0 {
            let Some((&next, rest)) = bytes.split_first() else { return Ok(()) };
            bytes = rest;
            let Some(slot) = self.start.get_mut(self.held) else { return Err(self.checked) };
            *slot = next;
            self.held += 1;
            match std::str::from_utf8(self.start.get(..self.held).unwrap_or_default()) {
                Ok(_) => {
                    self.checked = self.checked.saturating_add(self.held as u64);
                    self.held = 0;
                }
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(self.checked),
            }
        }
        let Err(error) = std::str::from_utf8(bytes) else {
            self.checked = self.checked.saturating_add(bytes.len() as u64);
            return Ok(());
        };
        self.checked = self.checked.saturating_add(error.valid_up_to() as u64);
        if error.error_len().is_some() {
            return Err(self.checked);
        }
        let tail = bytes.get(error.valid_up_to()..).unwrap_or_default();
        for (slot, &byte) in self.start.iter_mut().zip(tail) {
            *slot = byte;
        }
        self.held = tail.len();
        Ok(())
    }

    /// Checks the end of the stream.
    ///
    /// # Errors
    /// Returns the offset of the last character if it is incomplete.
    pub const fn finish(self) -> Result<(), u64> {
        if self.held > 0 { Err(self.checked) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(chunks: &[&[u8]]) -> Result<(), u64> {
        let mut check = Utf8Check::default();
        for chunk in chunks {
            check.push(chunk)?;
        }
        check.finish()
    }

    #[test]
    fn a_character_may_span_chunks_and_a_broken_one_has_an_offset() {
        let rows: &[(&[&[u8]], Result<(), u64>)] = &[
            (&[], Ok(())),
            (&[b""], Ok(())),
            (&[b"abc", b"", b"d"], Ok(())),
            (&[b"\xf0", b"\x9f", b"\x98", b"\x80!"], Ok(())),
            (&[b"a\xf0\x9f", b"\x98"], Err(1)),
            (&[b"ab\xff"], Err(2)),
            (&[b"ab\xe2\x82", b"x"], Err(2)),
            (&[b"\xed\xa0\x80"], Err(0)),
            (&[b"\xc0\x80"], Err(0)),
            (&[b"\xf4\x90", b"\x80\x80"], Err(0)),
        ];
        for (given, expected) in rows {
            assert_eq!(check(given), *expected, "{given:?}");
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_standard_library_for_any_chunks(
            bytes in proptest::collection::vec(prop_oneof![Just(0xe2u8), Just(0x82), Just(0xac), Just(0xf0), any::<u8>(), 0x20u8..0x7f], 0..40),
            cuts in proptest::collection::vec(0usize..40, 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            let expected = std::str::from_utf8(&bytes).map(|_| ()).map_err(|error| error.valid_up_to() as u64);
            prop_assert_eq!(check(&chunks), expected);
        }
    }
}
