//! Base64 (RFC 4648, 4 and 5). It is read in the standard or the URL-safe alphabet, with or without padding, and written in
//! the standard alphabet with padding.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::code::Code;
use crate::fault::Fault;

const PADDED: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
const UNPADDED: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDED);
const STANDARD_UNPADDED: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, UNPADDED);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, PADDED);
const URL_SAFE_UNPADDED: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, UNPADDED);

/// Decodes Base64. A `-` or `_` selects the URL-safe alphabet, in which `+` and `/` are faults. Padding has to be complete or
/// absent.
pub(crate) fn decode(raw: &[u8]) -> Result<Vec<u8>, Fault> {
    let (standard, url_safe) = match raw {
        [.., b'='] => (&STANDARD, &URL_SAFE),
        _ => (&STANDARD_UNPADDED, &URL_SAFE_UNPADDED),
    };
    let decoded = standard.decode(raw).or_else(|error| {
        let is_url_safe = raw.iter().any(|byte| matches!(byte, b'-' | b'_'));
        if is_url_safe { url_safe.decode(raw) } else { Err(error) }
    });
    decoded.map_err(|error| to_fault(&error, raw.len()))
}

/// Whether bytes that [`decode`] takes are in normal form.
pub(crate) fn is_normal(raw: &[u8]) -> bool {
    raw.len().is_multiple_of(4) && !raw.contains(&b'-') && !raw.contains(&b'_')
}

/// Appends the normal form: the standard alphabet, padded.
pub(crate) fn encode_into(bytes: &[u8], out: &mut String) {
    STANDARD.encode_string(bytes, out);
}

fn to_fault(error: &base64::DecodeError, length: usize) -> Fault {
    use base64::DecodeError::{InvalidByte, InvalidLastSymbol};
    let (offset, detail) = match error {
        InvalidByte(offset, _) => (*offset, "this is not a character of the Base64 alphabet in use"),
        InvalidLastSymbol { .. } => {
            (length.saturating_sub(1), "the last character has bits that do not belong to a byte")
        }
        _ => (length, "the Base64 ends in the middle of a byte, or its padding is wrong"),
    };
    Fault::new(Code::InvalidBase64, detail).at(offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base64_is_read_in_both_alphabets_padded_or_not() {
        let rows: &[(&[u8], Option<&[u8]>)] = &[
            (b"", Some(b"")),
            (b"PlXCscK2wrbCuy8=", Some(b">U\xc2\xb1\xc2\xb6\xc2\xb6\xc2\xbb/")),
            (b"PlXCscK2wrbCuy8", Some(b">U\xc2\xb1\xc2\xb6\xc2\xb6\xc2\xbb/")),
            (b"+/8=", Some(b"\xfb\xff")),
            (b"-_8=", Some(b"\xfb\xff")),
            (b"-_8", Some(b"\xfb\xff")),
            (b"+_8=", None),
            (b"-/8=", None),
            (b"A", None),
            (b"AA=", None),
            (b"AA===", None),
            (b"=", None),
            (b"AAAA=", None),
            (b"AA==AA==", None),
            (b"AA AA", None),
            (b"AAAA,AAAA", None),
            (b"AB", None),
            (b"\xff\xff\xff\xff", None),
        ];
        for (given, expected) in rows {
            assert_eq!(decode(given).ok().as_deref(), *expected, "{:?}", given.escape_ascii().to_string());
        }
    }

    #[test]
    fn a_character_outside_the_alphabet_has_an_offset() {
        assert_eq!(decode(b"AAAA*AAA").unwrap_err().offset, Some(4));
    }

    proptest! {
        #[test]
        fn what_is_decoded_is_in_normal_form_if_it_is_encoded_to_the_same(raw in "[-_+/A-D]{0,9}={0,2}") {
            if let Ok(bytes) = decode(raw.as_bytes()) {
                let mut encoded = String::new();
                encode_into(&bytes, &mut encoded);
                prop_assert_eq!(is_normal(raw.as_bytes()), encoded == raw);
            }
        }

        #[test]
        fn encoded_bytes_decode_to_themselves(bytes: Vec<u8>) {
            let mut encoded = String::new();
            encode_into(&bytes, &mut encoded);
            prop_assert_eq!(decode(encoded.as_bytes()).unwrap(), bytes);
        }
    }
}
