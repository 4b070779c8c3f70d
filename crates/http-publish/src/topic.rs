//! Topic Names (MQTT 5.0, 4.7) and Response Topics (3.3.2.3.5).

use std::borrow::Cow;

use crate::code::Code;
use crate::fault::{Fault, Faults, faultless};
use crate::limits::Limits;
use crate::{mqtt_string, percent};

/// A Topic Name: at least one character, no wildcards, not reserved, and within the limits.
///
/// Empty levels and a leading or trailing `/` are allowed. Case and Unicode normalisation are left as they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TopicName<'a>(Cow<'a, str>);

/// A Response Topic: at least one character, no wildcards, and within the limits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResponseTopic<'a>(Cow<'a, str>);

// === impl TopicName ===

impl<'a> TopicName<'a> {
    /// Reads the percent-encoded `topic` of the query.
    pub(crate) fn parse(raw: &'a [u8], limits: &Limits) -> Result<Self, Faults> {
        let text = text_of(raw).map_err(|fault| vec![fault])?;
        Self::check(text, limits, |offset| wildcard_fault(raw, offset))
    }

    /// Takes a text that is not percent-encoded.
    pub(crate) fn of_text(text: Cow<'a, str>, limits: &Limits) -> Result<Self, Faults> {
        check_text(&text).map_err(|fault| vec![fault])?;
        Self::check(text, limits, |offset| Fault::new(Code::TopicWildcard, NO_WILDCARDS).at(offset))
    }

    /// `wildcard` is the fault of a wildcard at this offset of the text.
    fn check(
        text: Cow<'a, str>,
        limits: &Limits,
        wildcard: impl FnOnce(usize) -> Fault,
    ) -> Result<Self, Faults> {
        let wildcard = wildcard_in(&text).map(wildcard);
        let reserved = text.starts_with('$').then(|| {
            Fault::new(Code::TopicReserved, "topics that start with $ are reserved for the broker").at(0)
        });
        let bytes = Fault::check_limit(
            Code::TopicTooLong,
            "the decoded Topic Name is over the limit of bytes",
            limits.topic_bytes,
            text.len(),
        );
        let segments = Fault::check_limit(
            Code::TopicTooManySegments,
            "the Topic Name is over the limit of segments",
            limits.topic_segments,
            1 + text.bytes().filter(|&byte| byte == b'/').count(),
        );
        faultless(Self(text), [wildcard, reserved, bytes.err(), segments.err()])
    }

    /// The Topic Name, decoded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The Topic Name in normal form: percent-encoded, with only the unreserved characters of RFC 3986 as they are.
    #[must_use]
    pub fn to_percent_encoded(&self) -> String {
        let mut encoded = String::new();
        self.encode_into(&mut encoded);
        encoded
    }

    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> TopicName<'static> {
        TopicName(Cow::Owned(self.0.into_owned()))
    }

    /// Appends the normal form.
    pub(crate) fn encode_into(&self, out: &mut String) {
        percent::encode_into(&self.0, out);
    }
}

// === impl ResponseTopic ===

impl<'a> ResponseTopic<'a> {
    /// Reads the percent-encoded field. A literal comma is rejected: an intermediary may have combined two header lines into
    /// one (RFC 9110, 5.3).
    pub(crate) fn parse(raw: &'a [u8], limits: &Limits) -> Result<Self, Faults> {
        if let Some(offset) = raw.iter().position(|&byte| byte == b',') {
            return Err(vec![
                Fault::new(
                    Code::DuplicateParameter,
                    "a comma separates two values, and only one is allowed; a comma in a topic is written %2C",
                )
                .at(offset),
            ]);
        }
        let text = text_of(raw).map_err(|fault| vec![fault])?;
        Self::check(text, limits, |offset| percent::raw_offset(raw, offset))
    }

    /// Takes a text that is not percent-encoded.
    pub(crate) fn of_text(text: Cow<'a, str>, limits: &Limits) -> Result<Self, Faults> {
        check_text(&text).map_err(|fault| vec![fault])?;
        Self::check(text, limits, |offset| offset)
    }

    /// `offset_of` is the offset in the value as it was sent.
    fn check(
        text: Cow<'a, str>,
        limits: &Limits,
        offset_of: impl FnOnce(usize) -> usize,
    ) -> Result<Self, Faults> {
        let wildcard = wildcard_in(&text).map(|offset| {
            Fault::new(Code::ResponseTopicWildcard, "a Response Topic cannot have wildcards")
                .at(offset_of(offset))
        });
        let bytes = Fault::check_limit(
            Code::ResponseTopicTooLong,
            "the decoded Response Topic is over the limit of bytes",
            limits.response_topic_bytes,
            text.len(),
        );
        faultless(Self(text), [wildcard, bytes.err()])
    }

    /// The Response Topic, decoded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Appends the normal form.
    pub(crate) fn encode_into(&self, out: &mut String) {
        percent::encode_into(&self.0, out);
    }
}

/// Decodes a topic: MQTT text of at least one character.
fn text_of(raw: &[u8]) -> Result<Cow<'_, str>, Fault> {
    let text = match percent::decode(raw)? {
        Cow::Borrowed(bytes) => mqtt_string::from_bytes(bytes).map(Cow::Borrowed),
        Cow::Owned(bytes) => mqtt_string::from_vec(bytes).map(Cow::Owned),
    };
    let text = text.map_err(|mut fault| {
        fault.offset = fault
            .offset
            .and_then(|offset| usize::try_from(offset).ok())
            .map(|offset| u64::try_from(percent::raw_offset(raw, offset)).unwrap_or(u64::MAX));
        fault
    })?;
    if text.is_empty() {
        return Err(empty());
    }
    Ok(text)
}

/// The offset of the first wildcard of topic filters.
fn wildcard_in(text: &str) -> Option<usize> {
    text.bytes().position(|byte| matches!(byte, b'+' | b'#'))
}

/// Checks a text that is not percent-encoded.
fn check_text(text: &str) -> Result<(), Fault> {
    mqtt_string::check(text)?;
    if text.is_empty() { Err(empty()) } else { Ok(()) }
}

fn empty() -> Fault {
    Fault::new(Code::EmptyTopic, "a topic needs at least one character")
}

const NO_WILDCARDS: &str = "a Topic Name has no wildcards; + and # are for subscribers";

fn wildcard_fault(raw: &[u8], offset: usize) -> Fault {
    let offset = percent::raw_offset(raw, offset);
    let detail = if raw.get(offset) == Some(&b'+') {
        "a Topic Name has no wildcards, and + is one; a space is written %20"
    } else {
        NO_WILDCARDS
    };
    Fault::new(Code::TopicWildcard, detail).at(offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Code::{
        DuplicateParameter, EmptyTopic, InvalidCharacter, InvalidPercentEncoding, InvalidUtf8,
        ResponseTopicTooLong, ResponseTopicWildcard, TopicReserved, TopicTooLong, TopicTooManySegments,
        TopicWildcard,
    };

    #[test]
    fn a_topic_name_is_decoded_and_checked() {
        let long = "a".repeat(256);
        let too_long = "a".repeat(257);
        let long_in_umlauts = "%C3%A4".repeat(128);
        let too_long_in_umlauts = "%C3%A4".repeat(129);
        let rows: &[(&str, Result<&str, &[Code]>)] = &[
            ("devices%2FCXa-23112%2Fprompt", Ok("devices/CXa-23112/prompt")),
            ("devices/CXa-23112/prompt", Ok("devices/CXa-23112/prompt")),
            ("a", Ok("a")),
            ("/", Ok("/")),
            ("/a//b/", Ok("/a//b/")),
            ("a%20b,c", Ok("a b,c")),
            ("a$b", Ok("a$b")),
            ("Ä%CC%88", Ok("Ä\u{308}")),
            ("%EF%BB%BFa", Ok("\u{feff}a")),
            ("%252B", Ok("%2B")),
            (&long, Ok(&long)),
            (&long_in_umlauts, Ok(&"ä".repeat(128))),
            ("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15", Ok("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15")),
            ("", Err(&[EmptyTopic])),
            ("a%00", Err(&[InvalidCharacter])),
            ("a%0Ab", Err(&[InvalidCharacter])),
            ("%EF%BF%BF", Err(&[InvalidCharacter])),
            ("%ED%A0%80", Err(&[InvalidUtf8])),
            ("%C0%AF", Err(&[InvalidUtf8])),
            ("%2", Err(&[InvalidPercentEncoding])),
            ("%zz", Err(&[InvalidPercentEncoding])),
            ("a+b", Err(&[TopicWildcard])),
            ("a%2Bb", Err(&[TopicWildcard])),
            ("a/%23", Err(&[TopicWildcard])),
            ("$SYS/broker", Err(&[TopicReserved])),
            ("%24share/g/t", Err(&[TopicReserved])),
            (&too_long, Err(&[TopicTooLong])),
            (&too_long_in_umlauts, Err(&[TopicTooLong])),
            ("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", Err(&[TopicTooManySegments])),
            (
                &format!("$+{}", "/".repeat(255)),
                Err(&[TopicWildcard, TopicReserved, TopicTooLong, TopicTooManySegments]),
            ),
        ];
        for (given, expected) in rows {
            let read = TopicName::parse(given.as_bytes(), &Limits::default());
            let codes: Result<_, Vec<Code>> = read
                .as_ref()
                .map(TopicName::as_str)
                .map_err(|faults| faults.iter().map(|f| f.code).collect());
            assert_eq!(codes, expected.map_err(<[Code]>::to_vec), "{given}");
        }
    }

    #[test]
    fn a_response_topic_has_the_rules_of_a_topic_name_but_may_be_reserved() {
        let long = "a".repeat(256);
        let too_long = "a".repeat(257);
        let rows: &[(&str, Result<&str, &[Code]>)] = &[
            ("devices%2FCXa-23112%2Freply", Ok("devices/CXa-23112/reply")),
            ("$inbox/1", Ok("$inbox/1")),
            ("a%2Cb", Ok("a,b")),
            (&long, Ok(&long)),
            ("", Err(&[EmptyTopic])),
            ("a,b", Err(&[DuplicateParameter])),
            ("a/+/b", Err(&[ResponseTopicWildcard])),
            ("%23", Err(&[ResponseTopicWildcard])),
            (&too_long, Err(&[ResponseTopicTooLong])),
            ("%ff", Err(&[InvalidUtf8])),
        ];
        for (given, expected) in rows {
            let read = ResponseTopic::parse(given.as_bytes(), &Limits::default());
            let codes: Result<_, Vec<Code>> = read
                .as_ref()
                .map(ResponseTopic::as_str)
                .map_err(|faults| faults.iter().map(|f| f.code).collect());
            assert_eq!(codes, expected.map_err(<[Code]>::to_vec), "{given}");
        }
    }

    #[test]
    fn an_offset_is_one_in_the_value_as_it_was_sent() {
        let rows = [("%C3%A4%2Fa+b", 10), ("%C3%A4%0A", 6), ("ab%ff", 2), ("%41%", 3)];
        for (given, expected) in rows {
            let faults = TopicName::parse(given.as_bytes(), &Limits::default()).unwrap_err();
            assert_eq!(faults[0].offset, Some(expected), "{given}");
        }
    }

    #[test]
    fn the_detail_of_a_plus_explains_how_to_write_a_space() {
        let detail = |given: &str| {
            TopicName::parse(given.as_bytes(), &Limits::default()).unwrap_err()[0].detail.to_string()
        };
        assert!(detail("a+b").contains("%20"));
        assert!(!detail("a%2Bb").contains("%20"));
    }
}
