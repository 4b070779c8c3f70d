//! The RETAIN flag (MQTT 5.0, 3.3.1.3).

use crate::code::Code;
use crate::fault::Fault;

/// Whether the broker retains the message for later subscribers.
///
/// [`Retain::Store`] with an empty payload removes the retained message of the topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Retain {
    /// The message goes to the current subscribers only.
    #[default]
    No,
    /// The message becomes the retained message of its topic.
    Store,
}

// === impl Retain ===

impl Retain {
    /// Reads `0` or `1`. `true` is not valid.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Fault> {
        match text {
            b"0" => Ok(Self::No),
            b"1" => Ok(Self::Store),
            _ => Err(Fault::new(Code::InvalidRetain, "RETAIN is 0 or 1")),
        }
    }

    /// The normal form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "0",
            Self::Store => "1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retain_is_one_digit_zero_or_one() {
        let rows: &[(&[u8], Option<Retain>)] = &[
            (b"0", Some(Retain::No)),
            (b"1", Some(Retain::Store)),
            (b"2", None),
            (b"true", None),
            (b"", None),
        ];
        for (given, expected) in rows {
            assert_eq!(Retain::parse(given).ok(), *expected, "{given:?}");
        }
    }
}
