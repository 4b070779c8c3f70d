//! Content-Encoding (RFC 9110, 8.4). MQTT has no property for it, so a subscriber could not know that it has to decode the
//! payload.

use crate::code::Code;
use crate::fault::Fault;

/// Whether a field's value names no coding but `identity`, in any case; empty elements of the list do not count (RFC
/// 9110, 5.6.1).
pub(crate) fn is_identity(value: &[u8]) -> bool {
    value
        .split(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity"))
}

/// The fault of any other coding.
pub(crate) fn unsupported() -> Fault {
    Fault::new(
        Code::UnsupportedContentEncoding,
        "MQTT cannot carry a content coding: send the payload without one, or name the compressed format in content-type",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_is_the_only_coding() {
        let rows: &[(&[u8], bool)] = &[
            (b"identity", true),
            (b"Identity", true),
            (b"identity, identity", true),
            (b"", true),
            (b" , ", true),
            (b"gzip", false),
            (b"GZIP", false),
            (b"br, identity", false),
            (b"identity,gzip", false),
            (b"identity;q=1", false),
            (b"x-identity", false),
            (b"\xff", false),
        ];
        for (given, expected) in rows {
            assert_eq!(is_identity(given), *expected, "{}", given.escape_ascii());
        }
    }
}
