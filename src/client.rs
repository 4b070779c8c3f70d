//! Who publishes: the identity that Envoy verified, read from where the configuration says it is.

use std::cell::Cell;

use http_publish::{ClientId, Code, Problem, is_mqtt_string};
use policy::{ClaimPath, Claims, ClientIdSource, Presence};

use crate::host::{self, HostError, Property};
use crate::judgement::edge_failure;

/// The token that `jwt_authn` verified, whose claims it left in its metadata; without one, there are no claims.
///
/// The host writes a claim without its type: a string as its bytes, a number as a double, a boolean as one byte. Text is
/// told from the others by its characters, a list by having a first element.
///
/// A claim that the host fails to give looks absent until [`check`](Self::check) is asked, which has to be before the
/// request goes on: an absence can grant something.
pub(crate) struct Token<'a> {
    metadata_key: Option<&'a str>,
    failure: Cell<Option<HostError>>,
}

/// More elements of a list are not looked at.
const MAX_LIST: usize = 64;

/// The client id, as it was verified; `None` where clients have no id.
pub(crate) fn identify(source: &ClientIdSource) -> Result<Option<String>, Problem> {
    let identity = match source {
        ClientIdSource::None {} => return Ok(None),
        ClientIdSource::Jwt { claims, .. } => {
            let token = Token::of(source);
            let identity = claims.iter().find_map(|claim| token.value(claim));
            token.check().map_err(edge_failure)?;
            identity.ok_or_else(|| {
                unauthenticated("the request has no verified token with the claim that names the client")
            })?
        }
        ClientIdSource::Certificate {} => {
            match host::property(&["connection", "uri_san_peer_certificate"]).map_err(edge_failure)? {
                Property::Value(identity) => identity,
                Property::Absent | Property::Null => {
                    return Err(unauthenticated("the connection has no client certificate with a URI SAN"));
                }
            }
        }
    };
    ClientId::new(&identity).map(|client| Some(client.as_str().to_owned()))
}

// === impl Token ===

impl<'a> Token<'a> {
    pub(crate) fn of(source: &'a ClientIdSource) -> Self {
        let metadata_key = match source {
            ClientIdSource::Jwt { metadata_key, .. } => Some(metadata_key.as_str()),
            ClientIdSource::Certificate {} | ClientIdSource::None {} => None,
        };
        Self { metadata_key, failure: Cell::new(None) }
    }

    /// Whether every claim that was asked for was given, or is known to be absent.
    pub(crate) fn check(&self) -> Result<(), HostError> {
        self.failure.get().map_or(Ok(()), Err)
    }

    fn value(&self, claim: &ClaimPath) -> Option<Vec<u8>> {
        match self.property(claim, None) {
            Property::Value(value) => Some(value),
            Property::Absent | Property::Null => None,
        }
    }

    fn property(&self, claim: &ClaimPath, index: Option<&str>) -> Property {
        let Some(metadata_key) = self.metadata_key else { return Property::Absent };
        let root = ["metadata", "filter_metadata", "envoy.filters.http.jwt_authn", metadata_key];
        let path: Vec<&str> = root.into_iter().chain(claim.names()).chain(index).collect();
        host::property(&path).unwrap_or_else(|error| {
            self.failure.set(Some(error));
            Property::Absent
        })
    }
}

impl Claims for Token<'_> {
    fn text(&self, path: &ClaimPath) -> Option<String> {
        to_text(self.value(path)?)
    }

    fn number(&self, path: &ClaimPath) -> Option<f64> {
        self.value(path)?.try_into().ok().map(f64::from_le_bytes)
    }

    fn boolean(&self, path: &ClaimPath) -> Option<bool> {
        match self.value(path)?.as_slice() {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    fn list(&self, path: &ClaimPath) -> Option<Vec<String>> {
        let elements = (0..MAX_LIST).map_while(|index| match self.property(path, Some(&index.to_string())) {
            Property::Value(value) => Some(value),
            Property::Absent | Property::Null => None,
        });
        let list: Vec<String> = elements.filter_map(to_text).collect();
        (!list.is_empty()).then_some(list)
    }

    fn presence(&self, path: &ClaimPath) -> Presence {
        match self.property(path, None) {
            Property::Value(_) => Presence::Present,
            Property::Absent => Presence::Absent,
            Property::Null => Presence::Null,
        }
    }
}

fn to_text(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok().filter(|text| is_mqtt_string(text))
}

fn unauthenticated(detail: &'static str) -> Problem {
    Problem::new(Code::Unauthenticated, detail)
}
