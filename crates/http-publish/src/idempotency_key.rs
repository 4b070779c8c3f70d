//! The Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): what tells a repeated request from a new one.

use std::borrow::Cow;

use crate::code::Code;
use crate::fault::Fault;

/// 1 to 255 visible ASCII characters, without the quotes around them.
///
/// The draft's field is a String (RFC 8941, 3.3.3); many clients send the characters alone. Both are the same key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey<'a>(Cow<'a, str>);

/// The longest key, in characters.
const MAX_CHARACTERS: usize = 255;

// === impl IdempotencyKey ===

impl<'a> IdempotencyKey<'a> {
    /// Reads a quoted string, or the characters alone. Unquoted, a comma is rejected: an intermediary may have combined two
    /// header lines into one (RFC 9110, 5.3).
    pub(crate) fn parse(raw: &'a [u8]) -> Result<Self, Fault> {
        let key = match raw.strip_prefix(b"\"") {
            Some(rest) => Cow::Owned(unquote(rest)?),
            None => bare(raw)?,
        };
        if key.is_empty() {
            return Err(Fault::new(Code::InvalidIdempotencyKey, "the key is empty"));
        }
        Fault::check_limit(
            Code::InvalidIdempotencyKey,
            "the key is over the limit of characters",
            MAX_CHARACTERS,
            key.len(),
        )?;
        Ok(Self(key))
    }

    /// The characters, without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Appends the normal form: a quoted string.
    pub(crate) fn encode_into(&self, out: &mut String) {
        out.push('"');
        for character in self.0.chars() {
            if matches!(character, '"' | '\\') {
                out.push('\\');
            }
            out.push(character);
        }
        out.push('"');
    }
}

/// The characters after an opening quote, up to the closing one, which has to be the last.
fn unquote(rest: &[u8]) -> Result<String, Fault> {
    let mut key = String::new();
    let mut is_escaped = false;
    // Offsets count from the opening quote.
    for (offset, &byte) in (1..).zip(rest) {
        match byte {
            b'"' | b'\\' if is_escaped => is_escaped = false,
            _ if is_escaped => {
                return Err(invalid("a backslash escapes a quote or a backslash", offset - 1));
            }
            b'\\' => {
                is_escaped = true;
                continue;
            }
            b'"' if offset == rest.len() => return Ok(key),
            b'"' => return Err(after_the_string(rest, offset)),
            _ => {}
        }
        key.push(visible(byte, offset)?);
    }
    Err(invalid("the closing quote is missing", rest.len()))
}

fn bare(raw: &[u8]) -> Result<Cow<'_, str>, Fault> {
    for (offset, &byte) in raw.iter().enumerate() {
        match byte {
            b',' => return Err(repeated(offset)),
            b'"' | b'\\' | b';' => return Err(invalid(IN_QUOTES, offset)),
            _ => visible(byte, offset)?,
        };
    }
    Ok(String::from_utf8_lossy(raw))
}

const IN_QUOTES: &str =
    "this character is allowed in a quoted key only; a quote and a backslash are escaped there";

/// What follows a closing quote: another value, or something that the field does not have.
fn after_the_string(rest: &[u8], offset: usize) -> Fault {
    let after = rest.get(offset..).unwrap_or_default().trim_ascii_start();
    if after.starts_with(b",") { repeated(offset + 1) } else { invalid("the key ends here", offset + 1) }
}

fn visible(byte: u8, offset: usize) -> Result<char, Fault> {
    if byte.is_ascii_graphic() {
        return Ok(char::from(byte));
    }
    Err(invalid("a key consists of visible ASCII characters", offset))
}

fn invalid(detail: &'static str, offset: usize) -> Fault {
    Fault::new(Code::InvalidIdempotencyKey, detail).at(offset)
}

fn repeated(offset: usize) -> Fault {
    Fault::new(Code::DuplicateParameter, "a comma separates two values; only one is allowed").at(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_string_of_rfc_8941_or_its_characters_alone() {
        use Code::{DuplicateParameter as Twice, InvalidIdempotencyKey as Invalid};
        let (longest, long) = ("k".repeat(255), "k".repeat(256));
        let quoted = |key: &str| format!("\"{key}\"");
        let rows: &[(&str, Result<&str, (Code, Option<u64>)>)] = &[
            // The example of the draft.
            (r#""8e03978e-40d5-43dd-bc93-6894a57f9324""#, Ok("8e03978e-40d5-43dd-bc93-6894a57f9324")),
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", Ok("8e03978e-40d5-43dd-bc93-6894a57f9324")),
            ("a/b:c=+~", Ok("a/b:c=+~")),
            (r#""a,b;c""#, Ok("a,b;c")),
            (r#""a\"b\\c""#, Ok(r#"a"b\c"#)),
            (&longest, Ok(&longest)),
            (&quoted(&longest), Ok(&longest)),
            (&long, Err((Invalid, None))),
            (&quoted(&long), Err((Invalid, None))),
            ("", Err((Invalid, None))),
            (r#""""#, Err((Invalid, None))),
            ("a b", Err((Invalid, Some(1)))),
            (r#""a b""#, Err((Invalid, Some(2)))),
            ("a;b=1", Err((Invalid, Some(1)))),
            (r#""a";b=1"#, Err((Invalid, Some(3)))),
            ("a\"", Err((Invalid, Some(1)))),
            ("\"a", Err((Invalid, Some(1)))),
            ("\"", Err((Invalid, Some(0)))),
            (r#""a\b""#, Err((Invalid, Some(2)))),
            (r#""a\""#, Err((Invalid, Some(3)))),
            ("ä", Err((Invalid, Some(0)))),
            ("\"ä\"", Err((Invalid, Some(1)))),
            ("a, b", Err((Twice, Some(1)))),
            (r#""a", "b""#, Err((Twice, Some(3)))),
        ];
        for (given, expected) in rows {
            let read = IdempotencyKey::parse(given.as_bytes());
            let read = read.as_ref().map(IdempotencyKey::as_str).map_err(|fault| (fault.code, fault.offset));
            assert_eq!(read, *expected, "{given}");
        }
    }

    #[test]
    fn the_normal_form_is_a_quoted_string() {
        for (given, expected) in [("a", r#""a""#), (r#""a""#, r#""a""#), (r#""a\"b\\c,""#, r#""a\"b\\c,""#)] {
            let mut out = String::new();
            IdempotencyKey::parse(given.as_bytes()).unwrap().encode_into(&mut out);
            assert_eq!(out, expected);
        }
    }
}
