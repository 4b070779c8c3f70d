//! The client that publishes a message, for sessions of clients. The edge names it in a header field, and passes its bearer
//! token on if the session logs in with it.

use std::sync::Arc;

use http_publish::{CLIENT_ID, ClientId, Code, Problem};
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use mqtt_sessions::budget::{Budget, Exhausted, Permit};
use mqtt_sessions::clients;
use mqtt_sessions::config::ClientLogin;

/// The client that publishes. The `Debug` form does not show the token.
pub(super) struct Client<'a> {
    pub(super) id: ClientId<'a>,
    /// Its bearer token, if its session logs in with it.
    token: Option<&'a str>,
}

/// The longest token in bytes. Each session keeps one.
const LONGEST_TOKEN: usize = 16 * 1024;

/// Reads the client id, and the token if sessions log in with it.
///
/// # Errors
///
/// Returns a problem if a field is missing, repeated or invalid. The edge is at fault, but for a token that is too long.
pub(super) fn read(fields: &HeaderMap, login: ClientLogin) -> Result<Client<'_>, Problem> {
    let id = named(fields)?;
    let token = match login {
        ClientLogin::Configured => None,
        ClientLogin::Own => Some(token(fields)?),
    };
    Ok(Client { id, token })
}

fn token(fields: &HeaderMap) -> Result<&str, Problem> {
    let mut given = fields.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return Err(without_token("it is not there exactly once"));
    };
    let value = value.to_str().map_err(|_| without_token("it is not visible ASCII"))?;
    // The scheme is case-insensitive (RFC 9110, 11.1).
    let token = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_start_matches(' '),
        _ => return Err(without_token("its scheme is not Bearer")),
    };
    match token.len() {
        0 => Err(without_token("the token is empty")),
        1..=LONGEST_TOKEN => Ok(token),
        length => Err(Problem::new(
            Code::Unauthenticated,
            format!("the token has {length} bytes; sessions log in with at most {LONGEST_TOKEN}"),
        )),
    }
}

fn without_token(why: &str) -> Problem {
    Problem::new(
        Code::UnidentifiedClient,
        format!("the edge must pass the client's token on in Authorization: {why}"),
    )
}

// === impl Client ===

impl Client<'_> {
    /// The client as the sessions know it.
    pub(super) fn of_session(&self) -> clients::Client<'_> {
        clients::Client { id: self.id.as_str(), password: self.token }
    }
}

/// Reads the client id.
///
/// # Errors
///
/// Returns a problem if the field is missing, repeated or invalid. The edge is at fault.
fn named(fields: &HeaderMap) -> Result<ClientId<'_>, Problem> {
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

    #[test]
    fn the_token_is_the_one_of_exactly_one_bearer_field() {
        let longest = "x".repeat(LONGEST_TOKEN);
        let bearer = |token: &str| format!("Bearer {token}");
        let rows: &[(&[&str], Result<&str, Code>)] = &[
            (&["Bearer e30.e30.c2ln"], Ok("e30.e30.c2ln")),
            (&["bEARER  a"], Ok("a")),
            (&[&bearer(&longest)], Ok(&longest)),
            (&[&bearer(&format!("{longest}x"))], Err(Code::Unauthenticated)),
            (&[], Err(Code::UnidentifiedClient)),
            (&["Bearer a", "Bearer b"], Err(Code::UnidentifiedClient)),
            (&["Basic YTpi"], Err(Code::UnidentifiedClient)),
            (&["Bearer"], Err(Code::UnidentifiedClient)),
            (&["Bearer "], Err(Code::UnidentifiedClient)),
            (&["Bearer \u{e4}"], Err(Code::UnidentifiedClient)),
        ];
        for (given, expected) in rows {
            let mut fields = HeaderMap::new();
            for value in *given {
                fields.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            }
            let read = token(&fields).map_err(|problem| problem.code());
            assert_eq!(read, *expected, "{given:?}");
        }
    }
}
