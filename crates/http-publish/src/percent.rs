//! Percent-encoding (RFC 3986, 2.1). Decoding is strict and happens once; encoding has one normal form.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::code::Code;
use crate::fault::Fault;

/// Every character but the unreserved ones (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Decodes every `%xx`. A `%` without two hexadecimal digits is a fault, and `+` is a plus sign.
pub(crate) fn decode(raw: &[u8]) -> Result<Cow<'_, [u8]>, Fault> {
    if !raw.contains(&b'%') {
        return Ok(Cow::Borrowed(raw));
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut parts = raw.split(|&byte| byte == b'%');
    decoded.extend_from_slice(parts.next().unwrap_or_default());
    let mut offset = decoded.len();
    for part in parts {
        let Some(([high, low], plain)) = part.split_first_chunk() else { return Err(no_digits(offset)) };
        decoded.push(hex_pair(*high, *low).ok_or_else(|| no_digits(offset))?);
        decoded.extend_from_slice(plain);
        offset += 1 + part.len();
    }
    Ok(Cow::Owned(decoded))
}

#[cold]
fn no_digits(offset: usize) -> Fault {
    let detail = "a % has to be followed by two hexadecimal digits; a percent sign is written %25";
    Fault::new(Code::InvalidPercentEncoding, detail).at(offset)
}

/// Appends `text` in normal form: unreserved characters as they are, all others as `%XX` in upper case.
pub(crate) fn encode_into(text: &str, out: &mut String) {
    out.extend(utf8_percent_encode(text, RESERVED));
}

/// The offset in `raw` of the byte that `decode` writes to `decoded_offset`.
pub(crate) fn raw_offset(raw: &[u8], decoded_offset: usize) -> usize {
    let mut offset = 0;
    for _ in 0..decoded_offset {
        offset += if raw.get(offset) == Some(&b'%') { 3 } else { 1 };
    }
    offset
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percent_encoding_is_decoded_once_and_strictly() {
        let rows: &[(&[u8], Result<&[u8], u64>)] = &[
            (b"", Ok(b"")),
            (b"devices%2FCXa-23112%2Fprompt", Ok(b"devices/CXa-23112/prompt")),
            (b"%2f%2F", Ok(b"//")),
            (b"%252F", Ok(b"%2F")),
            (b"a+b", Ok(b"a+b")),
            (b"%C3%A4", Ok("ä".as_bytes())),
            (b"%00%ff", Ok(b"\0\xff")),
            (b"abc%", Err(3)),
            (b"abc%2", Err(3)),
            (b"%20%zz", Err(3)),
            (b"%%20", Err(0)),
            (b"%+1", Err(0)),
            (b"%u0041", Err(0)),
        ];
        for (given, expected) in rows {
            let decoded = decode(given).map_err(|fault| fault.offset.unwrap());
            assert_eq!(decoded.as_deref().map_err(|offset| *offset), *expected, "{given:?}");
        }
    }

    #[test]
    fn all_but_unreserved_characters_are_encoded_in_upper_case() {
        let mut out = String::new();
        encode_into("aZ09-._~/ +%ä", &mut out);
        assert_eq!(out, "aZ09-._~%2F%20%2B%25%C3%A4");
    }

    proptest! {
        #[test]
        fn encoded_text_decodes_to_itself(text in any::<String>()) {
            let mut encoded = String::new();
            encode_into(&text, &mut encoded);
            prop_assert_eq!(decode(encoded.as_bytes()).unwrap(), text.as_bytes());
        }

        #[test]
        fn an_offset_in_the_decoded_bytes_is_found_in_the_raw_ones(text in "[a/ä%]{0,12}") {
            let mut encoded = String::new();
            encode_into(&text, &mut encoded);
            for offset in 0..text.len() {
                let tail = &encoded.as_bytes()[raw_offset(encoded.as_bytes(), offset)..];
                prop_assert_eq!(decode(tail).unwrap(), &text.as_bytes()[offset..]);
            }
        }
    }
}
