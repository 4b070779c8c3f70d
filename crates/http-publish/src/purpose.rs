//! The purpose of a request: to publish a message, or to show what would be published.

use crate::code::Code;
use crate::fault::Fault;

/// Whether the message is published or only shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Publish the message.
    #[default]
    Send,
    /// Check everything, publish nothing, and answer 200 with the PUBLISH that would be sent.
    DryRun,
}

// === impl Purpose ===

impl Purpose {
    /// Reads `dry-run`: `0` or `1`.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Fault> {
        match text {
            b"0" => Ok(Self::Send),
            b"1" => Ok(Self::DryRun),
            _ => Err(Fault::new(Code::InvalidDryRun, "dry-run is 0 or 1")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dry_run_is_one_digit_zero_or_one() {
        let rows: &[(&[u8], Option<Purpose>)] =
            &[(b"0", Some(Purpose::Send)), (b"1", Some(Purpose::DryRun)), (b"true", None), (b"", None)];
        for (given, expected) in rows {
            assert_eq!(Purpose::parse(given).ok(), *expected, "{given:?}");
        }
    }
}
