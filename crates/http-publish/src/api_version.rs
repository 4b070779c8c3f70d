//! The API version that a client names in the query.

use crate::code::Code;
use crate::fault::Fault;

/// A version of the configured list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ApiVersion<'a>(&'a str);

// === impl ApiVersion ===

impl<'a> ApiVersion<'a> {
    /// Reads a version, which has to be on the list. Upper and lower case differ.
    pub(crate) fn parse(raw: &[u8], supported: &'a [String]) -> Result<Self, Fault> {
        supported.iter().find(|version| version.as_bytes() == raw).map(|version| Self(version)).ok_or_else(
            || {
                let known = if supported.is_empty() { "none".to_owned() } else { supported.join(", ") };
                Fault::new(Code::UnsupportedApiVersion, format!("supported versions: {known}"))
            },
        )
    }

    /// The version.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_version_is_one_of_the_list() {
        let supported = ["2025-02-15-preview".to_owned(), "2025-08-01-preview".to_owned()];
        let rows: &[(&[u8], bool)] = &[
            (b"2025-02-15-preview", true),
            (b"2025-08-01-preview", true),
            (b"2025-08-01-Preview", false),
            (b"2024-01-01", false),
            (b"", false),
        ];
        for (given, expected) in rows {
            assert_eq!(ApiVersion::parse(given, &supported).is_ok(), *expected, "{given:?}");
        }
        let fault = ApiVersion::parse(b"1", &supported).unwrap_err();
        assert_eq!(fault.detail, "supported versions: 2025-02-15-preview, 2025-08-01-preview");
    }
}
