//! The request id, which relates an answer to a log line.

use crate::ascii;

/// A request id: 1 to 128 visible ASCII characters, so that it is safe in a header, a problem and a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId<'a>(&'a str);

// === impl RequestId ===

impl<'a> RequestId<'a> {
    /// Reads the value of `x-request-id`; `None` if it is not valid.
    #[must_use]
    pub fn new(value: &'a [u8]) -> Option<Self> {
        let fits = (1..=128).contains(&value.len()) && ascii::is_visible(value);
        if !fits {
            return None;
        }
        std::str::from_utf8(value).ok().map(Self)
    }

    /// The request id.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_1_to_128_visible_ascii_characters() {
        let long = [b'x'; 128];
        let rows: &[(&[u8], bool)] = &[
            (b"55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7", true),
            (&long, true),
            (&[b'x'; 129], false),
            (b"", false),
            (b"a b", false),
            (b"a\nb", false),
            (b"\xc3\xa4", false),
        ];
        for (given, expected) in rows {
            assert_eq!(RequestId::new(given).is_some(), *expected, "{given:?}");
        }
    }
}
