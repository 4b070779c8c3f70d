//! UTF-8 Encoded Strings (MQTT 5.0, 1.5.4): the text that an MQTT packet may contain.

use crate::ascii;
use crate::code::Code;
use crate::fault::Fault;

/// The longest UTF-8 Encoded String or Binary Data, in bytes (MQTT 5.0, 1.5.4 and 1.5.6).
pub(crate) const MAX_BYTES: usize = 65_535;

/// Reads bytes as MQTT text. The offset of a fault is an offset in `bytes`.
pub(crate) fn from_bytes(bytes: &[u8]) -> Result<&str, Fault> {
    let text = std::str::from_utf8(bytes).map_err(not_utf8)?;
    check(text)?;
    Ok(text)
}

/// The same for bytes that become the text.
pub(crate) fn from_vec(bytes: Vec<u8>) -> Result<String, Fault> {
    let text = String::from_utf8(bytes).map_err(|error| not_utf8(error.utf8_error()))?;
    check(&text)?;
    Ok(text)
}

#[cold]
fn not_utf8(error: std::str::Utf8Error) -> Fault {
    Fault::new(Code::InvalidUtf8, "the bytes are not well-formed UTF-8").at(error.valid_up_to())
}

/// Whether an MQTT packet may contain `text` as a UTF-8 Encoded String.
#[must_use]
pub fn is_mqtt_string(text: &str) -> bool {
    text.len() <= MAX_BYTES && check(text).is_ok()
}

/// Returns a fault for U+0000, which MQTT forbids, and for control characters and non-characters, which it advises against: a
/// receiver may treat them as a malformed packet.
pub(crate) fn check(text: &str) -> Result<(), Fault> {
    if ascii::is_printable(text.as_bytes()) {
        return Ok(());
    }
    match text.char_indices().find(|&(_, character)| is_forbidden(character)) {
        None => Ok(()),
        Some((offset, character)) => Err(Fault::new(
            Code::InvalidCharacter,
            format!("U+{:04X} is a {}, which MQTT does not allow", u32::from(character), kind_of(character)),
        )
        .at(offset)),
    }
}

const fn is_forbidden(character: char) -> bool {
    matches!(character, '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}') || is_non_character(character)
}

/// U+FDD0 to U+FDEF, and the last two code points of every plane.
const fn is_non_character(character: char) -> bool {
    let code_point = character as u32;
    matches!(code_point, 0xfdd0..=0xfdef) || code_point & 0xfffe == 0xfffe
}

const fn kind_of(character: char) -> &'static str {
    match character {
        '\0' => "NUL",
        _ if is_non_character(character) => "non-character",
        _ => "control character",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mqtt_text_is_utf8_without_control_and_non_characters() {
        let rows: &[(&[u8], Option<(Code, u64)>)] = &[
            (b"", None),
            (b"plain ~", None),
            ("\u{a0}ä€😀\u{feff}\u{fffd}".as_bytes(), None),
            (b"a\0", Some((Code::InvalidCharacter, 1))),
            (b"ab\x01", Some((Code::InvalidCharacter, 2))),
            (b"\x1f", Some((Code::InvalidCharacter, 0))),
            (b"\x7f", Some((Code::InvalidCharacter, 0))),
            ("ä\u{80}".as_bytes(), Some((Code::InvalidCharacter, 2))),
            ("\u{9f}".as_bytes(), Some((Code::InvalidCharacter, 0))),
            ("\u{fdd0}".as_bytes(), Some((Code::InvalidCharacter, 0))),
            ("\u{ffff}".as_bytes(), Some((Code::InvalidCharacter, 0))),
            ("\u{10fffe}".as_bytes(), Some((Code::InvalidCharacter, 0))),
            (b"a\xff", Some((Code::InvalidUtf8, 1))),
            (b"\xed\xa0\x80", Some((Code::InvalidUtf8, 0))),
            (b"\xc0\x80", Some((Code::InvalidUtf8, 0))),
        ];
        for (given, expected) in rows {
            let fault = from_bytes(given).err().map(|fault| (fault.code, fault.offset.unwrap()));
            assert_eq!(fault, *expected, "{given:?}");
        }
    }
}
