//! The client that publishes a message, for sessions of clients. The edge names it in a header field.

use std::sync::Arc;

use http_publish::{CLIENT_ID, ClientId, Code, Problem};
use hyper::HeaderMap;
use mqtt_sessions::budget::{Budget, Exhausted, Permit};

/// Reads the client id.
///
/// # Errors
///
/// Returns a problem if the field is missing, repeated or invalid. The edge is at fault.
pub(super) fn named(fields: &HeaderMap) -> Result<ClientId<'_>, Problem> {
    let mut given = fields.get_all(CLIENT_ID).iter().map(|value| value.as_bytes());
    match (given.next(), given.next()) {
        (None, _) => Err(unidentified("it is missing")),
        // The edge escapes commas. A literal one means that an intermediary has combined two field lines (RFC 9110, 5.3).
        (Some(value), None) if !value.contains(&b',') => {
            ClientId::from_field(value).map_err(|problem| unidentified(problem.detail()))
        }
        _ => Err(unidentified("it was given more than once")),
    }
}

/// Who has a share of what is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner<'a> {
    /// The client, as the edge names it.
    Client(&'a [u8]),
    /// The topic of messages whose client is not named. A broker may acknowledge all topics but one.
    Topic(&'a str),
}

/// Acquires room for a message, as a part of its client's share if the edge names the client, otherwise of its topic's.
/// `topic` is `None` for a batch, of which each message has room, too.
///
/// # Errors
///
/// Returns an error if there is no room.
pub(super) fn admit(
    budget: &Arc<Budget>,
    fields: &HeaderMap,
    topic: Option<&str>,
) -> Result<Permit, Exhausted> {
    match (fields.get(CLIENT_ID), topic) {
        (Some(client), _) => budget.admit_from(&Owner::Client(client.as_bytes())),
        (None, Some(topic)) => budget.admit_from(&Owner::Topic(topic)),
        (None, None) => budget.admit(),
    }
}

fn unidentified(why: &str) -> Problem {
    Problem::new(Code::UnidentifiedClient, format!("the edge must name the client in {CLIENT_ID}: {why}"))
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn the_field_names_exactly_one_valid_client() {
        let long = "x".repeat(257);
        let rows: &[(&[&str], Result<&str, &str>)] = &[
            (&["pump-7"], Ok("pump-7")),
            (&["urn%3Adevice%3Apump%207%2C%C3%A4"], Ok("urn:device:pump 7,ä")),
            (&[], Err("missing")),
            (&["a", "a"], Err("more than once")),
            (&["a,b"], Err("more than once")),
            (&[""], Err("0 bytes")),
            (&[&long], Err("257 bytes")),
            (&["%zz"], Err("hexadecimal")),
            (&["%ff"], Err("UTF-8")),
            (&["a%00b"], Err("NUL")),
        ];
        for (given, expected) in rows {
            let mut fields = HeaderMap::new();
            for value in *given {
                fields.append(HeaderName::from_static(CLIENT_ID), HeaderValue::from_str(value).unwrap());
            }
            match (named(&fields), expected) {
                (Ok(client), Ok(expected)) => assert_eq!(client.as_str(), *expected),
                (Err(problem), Err(expected)) => {
                    assert_eq!(problem.code(), Code::UnidentifiedClient, "{given:?}");
                    assert!(problem.detail().contains(expected), "{given:?}: {}", problem.detail());
                }
                (read, _) => panic!("{given:?}: {read:?}"),
            }
        }
    }
}
