//! Parameters that HTTP Publish does not know, and what their sender probably meant.

use serde::Serialize;

use crate::code::Code;
use crate::fault::Fault;
use crate::head::{MAX_UNKNOWN, RequestHead};
use crate::query::names;
use crate::{Location, Violation, field, percent};

/// A parameter that is ignored, since HTTP Publish has none of this name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ignored {
    /// The first 64 bytes of its name, decoded.
    pub parameter: String,
    /// The part of the request that it is in.
    #[serde(rename = "in")]
    pub location: Location,
    /// The parameter that was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meant: Option<Known>,
}

/// A parameter of HTTP Publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Known {
    /// Its name.
    pub parameter: &'static str,
    /// The part of the request that it belongs to.
    #[serde(rename = "in")]
    pub location: Location,
}

/// The bytes of a name that are shown and compared.
const MAX_NAME: usize = 64;

/// Names without the prefix, each with the parameter that it stands for.
const KNOWN: [(&str, Known); 15] = [
    ("topic", query("topic")),
    ("qos", query("qos")),
    ("qos", header(field::QOS)),
    ("retain", query("retain")),
    ("retain", header(field::RETAIN)),
    ("response-topic", header(field::RESPONSE_TOPIC)),
    ("correlation-data", header(field::CORRELATION_DATA)),
    ("user-properties", header(field::USER_PROPERTIES)),
    ("message-expiry", header(field::MESSAGE_EXPIRY)),
    ("message-expiry-interval", header(field::MESSAGE_EXPIRY)),
    ("payload-format-indicator", header(field::PAYLOAD_FORMAT_INDICATOR)),
    ("idempotency-key", header(field::IDEMPOTENCY_KEY)),
    ("content-type", header(field::CONTENT_TYPE)),
    ("api-version", query("api-version")),
    ("dry-run", query("dry-run")),
];

/// The least similarity, in percent, of a name with the prefix: it was meant for HTTP Publish.
const SIMILAR_WITH_PREFIX: usize = 60;
/// The least similarity, in percent, of any other name: it may be meant for something else.
const SIMILAR: usize = 65;

// === impl RequestHead ===

impl RequestHead<'_> {
    /// The parameters that are ignored although they were probably meant for HTTP Publish: query parameters whose name is
    /// nearly one of its own, and fields with the prefix `mqtt-` that do not exist. At most 16.
    #[must_use]
    pub fn ignored(&self) -> Vec<Ignored> {
        let in_query = names(self.target())
            .filter_map(|name| Ignored::of_query(&percent::decode(name).unwrap_or(name.into())));
        let in_fields = self.unknown.iter().map(|name| Ignored::of_field(name));
        in_query.chain(in_fields).take(MAX_UNKNOWN).collect()
    }
}

// === impl Ignored ===

impl Ignored {
    fn of_query(name: &[u8]) -> Option<Self> {
        let parameter = shown(name);
        let stripped = stripped(&parameter);
        let has_prefix = stripped.len() < parameter.len();
        let least = if has_prefix { SIMILAR_WITH_PREFIX } else { SIMILAR };
        let meant = closest(&stripped, Location::Query, least);
        let is_known =
            meant.is_some_and(|meant| meant == query(meant.parameter) && meant.parameter == parameter);
        let is_ignored = (meant.is_some() || has_prefix) && !is_known;
        is_ignored.then_some(Self { parameter, location: Location::Query, meant })
    }

    fn of_field(name: &[u8]) -> Self {
        let parameter = shown(name);
        let meant = closest(&stripped(&parameter), Location::Header, SIMILAR_WITH_PREFIX);
        Self { parameter, location: Location::Header, meant }
    }

    /// The violation that it is where the rules refuse unknown parameters.
    pub(crate) fn into_violation(self) -> Violation {
        let detail = match self.meant {
            Some(Known { parameter, location: Location::Query }) => {
                format!("no such parameter exists; the query parameter {parameter} was probably meant")
            }
            Some(Known { parameter, .. }) => {
                format!("no such parameter exists; the header {parameter} was probably meant")
            }
            None => "no such parameter exists".to_owned(),
        };
        Violation::new(self.parameter, self.location, Fault::new(Code::UnknownParameter, detail))
    }
}

const fn query(parameter: &'static str) -> Known {
    Known { parameter, location: Location::Query }
}

const fn header(parameter: &'static str) -> Known {
    Known { parameter, location: Location::Header }
}

/// A name as problems and dry runs show it: at most 64 bytes of it, as text.
pub(crate) fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name.get(..MAX_NAME).unwrap_or(name)).into_owned()
}

/// The name as it is compared: without the prefix, in lower case, with `-` for `_`.
fn stripped(name: &str) -> String {
    let name = name.to_ascii_lowercase().replace('_', "-");
    name.strip_prefix("mqtt-").unwrap_or(&name).to_owned()
}

/// The most similar parameter; of several, the first in this part of the request.
fn closest(name: &str, location: Location, least: usize) -> Option<Known> {
    let similar = KNOWN.iter().map(|(known, meant)| (similarity(name, known), meant));
    similar
        .filter(|(similarity, _)| *similarity >= least)
        .min_by_key(|(similarity, meant)| (usize::MAX - similarity, meant.location != location))
        .map(|(_, meant)| *meant)
}

/// The share of two names, in percent, that is left when a shortest edit (insertions and deletions) turns one into the
/// other: twice the length of their longest common subsequence by the sum of their lengths.
fn similarity(one: &str, other: &str) -> usize {
    // The lengths of the longest common subsequences of what was seen of `one` and each start of `other`.
    let mut lengths = vec![0; other.len() + 1];
    for a in one.bytes() {
        let (mut left, mut above_left) = (0, 0);
        for (length, b) in lengths.iter_mut().skip(1).zip(other.bytes()) {
            let above = *length;
            *length = if a == b { above_left + 1 } else { above.max(left) };
            (left, above_left) = (*length, above);
        }
    }
    let common = lengths.last().copied().unwrap_or_default();
    200 * common / (one.len() + other.len()).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name in location -> meant in location` of each ignored parameter.
    fn ignored(target: &str, fields: &[&str]) -> Vec<String> {
        let start = [(&b":method"[..], &b"POST"[..]), (b":path", target.as_bytes())];
        let fields = fields.iter().map(|name| (name.as_bytes(), &b"1"[..]));
        let head = RequestHead::from_fields(start.into_iter().chain(fields));
        let line = |ignored: Ignored| {
            let meant = ignored.meant.map(|meant| format!("{:?} {}", meant.location, meant.parameter));
            format!("{:?} {}: {}", ignored.location, ignored.parameter, meant.unwrap_or_default())
        };
        head.ignored().into_iter().map(line).collect()
    }

    #[test]
    fn a_query_parameter_is_named_if_it_nearly_exists() {
        let rows = [
            ("retian=1", "Query retian: Query retain"),
            ("Retain=1", "Query Retain: Query retain"),
            ("QoS=1", "Query QoS: Query qos"),
            ("topics=a", "Query topics: Query topic"),
            ("%74opics=a", "Query topics: Query topic"),
            ("apiVersion=1", "Query apiVersion: Query api-version"),
            ("dry_run=1", "Query dry_run: Query dry-run"),
            ("dryrun", "Query dryrun: Query dry-run"),
            ("mqtt-retain=1", "Query mqtt-retain: Query retain"),
            ("mqtt-expiry=60", "Query mqtt-expiry: Header mqtt-message-expiry"),
            ("message-expiry=60", "Query message-expiry: Header mqtt-message-expiry"),
            ("response-topic=a", "Query response-topic: Header mqtt-response-topic"),
            ("mqtt-foo=1", "Query mqtt-foo: "),
        ];
        for (query, expected) in rows {
            assert_eq!(ignored(&format!("/mqtt/messages?topic=a&{query}"), &[]), [expected], "{query}");
        }
    }

    #[test]
    fn query_parameters_of_others_and_known_ones_are_not_named() {
        let target = "/mqtt/messages?topic=a&qos=1&retain=0&api-version=1&dry-run=1&%64ry-run=1";
        assert!(ignored(target, &["mqtt-qos", "content-type", "x-request-id"]).is_empty());
        for query in
            ["utm_source=1", "id=7", "token=x", "t=1", "_=1", "", "=", "code=1", "%zz", "%ff", "user=me"]
        {
            assert!(ignored(&format!("/mqtt/messages?{query}"), &[]).is_empty(), "{query}");
        }
    }

    #[test]
    fn a_field_with_the_prefix_is_named_if_it_does_not_exist() {
        let rows = [
            ("mqtt-expiry", "Header mqtt-expiry: Header mqtt-message-expiry"),
            ("mqtt-expiry-interval", "Header mqtt-expiry-interval: Header mqtt-message-expiry"),
            ("mqtt-user-property", "Header mqtt-user-property: Header mqtt-user-properties"),
            ("mqtt-userproperties", "Header mqtt-userproperties: Header mqtt-user-properties"),
            ("mqtt-retained", "Header mqtt-retained: Header mqtt-retain"),
            ("mqtt-correlation", "Header mqtt-correlation: Header mqtt-correlation-data"),
            ("mqtt-content-type", "Header mqtt-content-type: Header content-type"),
            ("mqtt-idempotency-key", "Header mqtt-idempotency-key: Header idempotency-key"),
            ("mqtt-topic", "Header mqtt-topic: Query topic"),
            ("mqtt-payload-format", "Header mqtt-payload-format: Header mqtt-payload-format-indicator"),
            ("mqtt-priority", "Header mqtt-priority: "),
            ("mqtt-", "Header mqtt-: "),
        ];
        for (name, expected) in rows {
            assert_eq!(ignored("/mqtt/messages?topic=a", &[name]), [expected], "{name}");
        }
    }

    #[test]
    fn at_most_sixteen_are_named_and_long_names_are_cut() {
        let target = format!("/mqtt/messages?{}", "retian=1&".repeat(10_000));
        assert_eq!(ignored(&target, &["mqtt-x"]).len(), 16);
        let long = format!("mqtt-{}", "x".repeat(10_000));
        assert_eq!(ignored("/mqtt/messages", &[&long]), [format!("Header {}: ", &long[..64])]);
    }
}
