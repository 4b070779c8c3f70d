//! `Prefer: wait` (RFC 7240): the request waits for a reply to its message.

use std::fmt;
use std::num::NonZeroU32;

/// A request's wish to wait for a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wait {
    /// The longest wait in seconds.
    pub seconds: NonZeroU32,
    /// The answer if no reply comes.
    pub without_reply: WithoutReply,
}

/// The answer if no reply comes in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WithoutReply {
    /// 504 [`NoReply`](crate::Code::NoReply).
    #[default]
    Refused,
    /// 202: `respond-async`.
    Accepted,
}

/// The preferences of a request that HTTP Publish knows. Of a repeated one, only the first counts (RFC 7240, 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preferences {
    /// Seconds. `Some(None)`: the first value is not a number of seconds, so it is ignored.
    wait: Option<Option<u32>>,
    is_async: bool,
}

// === impl Wait ===

impl Wait {
    /// The same, for at most `maximum` seconds.
    #[must_use]
    pub fn at_most(self, maximum: NonZeroU32) -> Self {
        Self { seconds: self.seconds.min(maximum), ..self }
    }
}

impl fmt::Display for Wait {
    /// The value of `Prefer` or `Preference-Applied`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let respond_async = match self.without_reply {
            WithoutReply::Refused => "",
            WithoutReply::Accepted => "respond-async, ",
        };
        write!(f, "{respond_async}wait={}", self.seconds)
    }
}

// === impl Preferences ===

impl Preferences {
    /// Adds the preferences of one `Prefer` field. Unknown ones and parameters are ignored (RFC 7240, 2).
    pub(crate) fn add(&mut self, value: &[u8]) {
        for preference in unquoted_split(value, b',') {
            let preference = unquoted_split(preference, b';').next().unwrap_or_default();
            let equals = preference.iter().position(|&byte| byte == b'=').unwrap_or(preference.len());
            let (name, word) = preference.split_at(equals);
            let name = name.trim_ascii();
            if name.eq_ignore_ascii_case(b"wait") {
                let word = word.get(1..).unwrap_or_default().trim_ascii();
                self.wait.get_or_insert(seconds(word));
            } else if name.eq_ignore_ascii_case(b"respond-async") {
                self.is_async = true;
            }
        }
    }

    /// The wait; a wait of no time is none.
    pub(crate) fn wait(self) -> Option<Wait> {
        let seconds = NonZeroU32::new(self.wait.flatten()?)?;
        let without_reply = if self.is_async { WithoutReply::Accepted } else { WithoutReply::Refused };
        Some(Wait { seconds, without_reply })
    }
}

/// Reads delta-seconds (RFC 9110, 10.2.3), quoted or not. A number that is too large is the largest.
fn seconds(word: &[u8]) -> Option<u32> {
    let digits = word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\"")).unwrap_or(word);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: u32, digit: &u8| sum.saturating_mul(10).saturating_add(u32::from(digit - b'0'));
    Some(digits.iter().fold(0, add))
}

/// Splits at a separator outside quoted-strings (RFC 9110, 5.6.4).
fn unquoted_split(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    value.split(move |&byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            _ => return byte == separator && !is_quoted,
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wait_of_all_prefer_fields_counts() {
        let rows: &[(&[&str], Option<&str>)] = &[
            (&["wait=10"], Some("wait=10")),
            (&["WAIT = \"10\""], Some("wait=10")),
            (&["respond-async, wait=10"], Some("respond-async, wait=10")),
            (&["wait=10", "Respond-Async"], Some("respond-async, wait=10")),
            (&["foo; bar=\"a,wait=5\", wait=7; x=y"], Some("wait=7")),
            (&["foo=\"\\\",wait=5\", wait=7"], Some("wait=7")),
            (&["wait=1, wait=2", "wait=3"], Some("wait=1")),
            (&["wait=99999999999999999999"], Some("wait=4294967295")),
            (&["return=minimal;wait=5"], None),
            (&["wait=0"], None),
            (&["wait"], None),
            (&["wait="], None),
            (&["wait=-1, wait=5"], None),
            (&["wait=1.5"], None),
            (&["wait=ten"], None),
            (&["respond-async"], None),
            (&["\"wait=5"], None),
            (&["", ",;=,"], None),
            (&[], None),
        ];
        for (given, expected) in rows {
            let mut preferences = Preferences::default();
            given.iter().for_each(|value| preferences.add(value.as_bytes()));
            let wait = preferences.wait().map(|wait| wait.to_string());
            assert_eq!(wait.as_deref(), *expected, "{given:?}");
        }
    }

    #[test]
    fn a_wait_is_cut_to_the_maximum() {
        let wait = |seconds| Wait {
            seconds: NonZeroU32::new(seconds).unwrap(),
            without_reply: WithoutReply::Accepted,
        };
        assert_eq!(wait(31).at_most(NonZeroU32::new(30).unwrap()), wait(30));
        assert_eq!(wait(29).at_most(NonZeroU32::new(30).unwrap()), wait(29));
    }
}
