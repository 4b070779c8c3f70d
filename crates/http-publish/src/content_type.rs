//! The Content Type (MQTT 5.0, 3.3.2.3.9): text that the broker forwards without interpreting it.

use std::borrow::Cow;

use crate::code::Code;
use crate::fault::{Fault, Faults, faultless};
use crate::limits::Limits;
use crate::mqtt_string;

/// The type of the payload, usually a media type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContentType<'a>(Cow<'a, str>);

// === impl ContentType ===

impl<'a> ContentType<'a> {
    /// Reads `content-type`, unchanged. A comma outside a quoted string is rejected: an intermediary may have combined two
    /// header lines into one (RFC 9110, 5.3).
    pub(crate) fn parse(raw: &'a [u8], limits: &Limits) -> Result<Self, Faults> {
        let text = mqtt_string::from_bytes(raw).map_err(|fault| vec![fault])?;
        Self::check(Cow::Borrowed(text), limits)
    }

    /// Takes a text.
    pub(crate) fn of_text(text: Cow<'a, str>, limits: &Limits) -> Result<Self, Faults> {
        mqtt_string::check(&text).map_err(|fault| vec![fault])?;
        Self::check(text, limits)
    }

    fn check(text: Cow<'a, str>, limits: &Limits) -> Result<Self, Faults> {
        let combined = unquoted_comma(text.as_bytes()).map(|offset| {
            Fault::new(Code::DuplicateParameter, "a comma separates two values; only one is allowed")
                .at(offset)
        });
        let bytes = Fault::check_limit(
            Code::ContentTypeTooLong,
            "the Content Type is over the limit of bytes",
            limits.content_type_bytes,
            text.len(),
        );
        faultless(Self(text), [combined, bytes.err()])
    }

    /// The Content Type.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The offset of the first comma outside a quoted-string (RFC 9110, 5.6.4).
fn unquoted_comma(raw: &[u8]) -> Option<usize> {
    if !raw.contains(&b',') {
        return None;
    }
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (offset, &byte) in raw.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => return Some(offset),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_is_text_within_the_limit() {
        let long = "x".repeat(256);
        let too_long = "x".repeat(257);
        let rows: &[(&[u8], Result<&str, Code>)] = &[
            (b"text/plain;charset=UTF-8", Ok("text/plain;charset=UTF-8")),
            (b"anything", Ok("anything")),
            (b"", Ok("")),
            ("grüße".as_bytes(), Ok("grüße")),
            (b"a/b; c=\"d,e\"", Ok("a/b; c=\"d,e\"")),
            (long.as_bytes(), Ok(&long)),
            (too_long.as_bytes(), Err(Code::ContentTypeTooLong)),
            (b"text/plain, text/html", Err(Code::DuplicateParameter)),
            (b"a/b; c=\"d\\\"\", e/f", Err(Code::DuplicateParameter)),
            (b"text/plain\xff", Err(Code::InvalidUtf8)),
            (b"text/\tplain", Err(Code::InvalidCharacter)),
        ];
        for (given, expected) in rows {
            let read = ContentType::parse(given, &Limits::default());
            assert_eq!(
                read.as_ref().map(|text| text.as_str()).map_err(|faults| faults[0].code),
                *expected,
                "{}",
                given.escape_ascii()
            );
        }
    }
}
