//! The character encoding of a text that is not UTF-8, guessed for the detail of a problem.

/// A guess, and the offset of the first byte that gives it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guess {
    pub(super) encoding: &'static str,
    pub(super) offset: usize,
}

/// Guesses the encoding of JSON text. `None` if it is UTF-8 without a byte order mark, or cut off.
///
/// JSON starts with an ASCII character, so a zero byte beside the first one means UTF-16.
pub(super) fn guess(json: &[u8]) -> Option<Guess> {
    let at_start = |encoding| Some(Guess { encoding, offset: 0 });
    match json {
        [0xef, 0xbb, 0xbf, ..] => return at_start("UTF-8 with a byte order mark"),
        [0xff, 0xfe, ..] => return at_start("UTF-16, little-endian, with a byte order mark"),
        [0xfe, 0xff, ..] => return at_start("UTF-16, big-endian, with a byte order mark"),
        [1..=0x7f, 0, ..] => return at_start("UTF-16, little-endian"),
        [0, 1..=0x7f, ..] => return at_start("UTF-16, big-endian"),
        _ => {}
    }
    let error = std::str::from_utf8(json).err()?;
    let offset = error.valid_up_to();
    error.error_len()?;
    Some(Guess { encoding: "Latin-1 or Windows-1252", offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_guessed_by_its_first_bytes_or_those_that_are_not_utf8() {
        let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(bytes).collect()
        };
        let json = "[{\"a\":\"\u{e4}\"}]";
        let with_mark = format!("\u{feff}{json}");
        let latin1: Vec<u8> =
            json.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
        let rows: &[(&[u8], Option<(&str, usize)>)] = &[
            (json.as_bytes(), None),
            (b"", None),
            (b"[{]", None),
            (b"[\xc3", None),
            (with_mark.as_bytes(), Some(("UTF-8 with a byte order mark", 0))),
            (&utf16(json, u16::to_le_bytes), Some(("UTF-16, little-endian", 0))),
            (&utf16(json, u16::to_be_bytes), Some(("UTF-16, big-endian", 0))),
            (
                &utf16(&with_mark, u16::to_le_bytes),
                Some(("UTF-16, little-endian, with a byte order mark", 0)),
            ),
            (&utf16(&with_mark, u16::to_be_bytes), Some(("UTF-16, big-endian, with a byte order mark", 0))),
            (&latin1, Some(("Latin-1 or Windows-1252", 7))),
            (b"[{\"a\":\"10 \x80\"}]", Some(("Latin-1 or Windows-1252", 10))),
        ];
        for (given, expected) in rows {
            let guess = guess(given).map(|guess| (guess.encoding, guess.offset));
            assert_eq!(guess, *expected, "{}", given.escape_ascii());
        }
    }
}
