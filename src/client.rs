//! Who publishes: the identity that Envoy verified, read from where the configuration says it is.

use http_publish::{ClientId, Code, Problem, is_mqtt_string};
use policy::{ClaimPath, Claims, ClientIdSource, NoClaims};

use crate::host;

/// The client id, as it was verified; `None` where clients have no id.
pub(crate) fn identify(source: &ClientIdSource) -> Result<Option<String>, Problem> {
    let identity = match source {
        ClientIdSource::None {} => return Ok(None),
        ClientIdSource::Jwt { metadata_key, claims } => {
            let token = Token { metadata_key };
            claims.iter().find_map(|claim| token.property(claim)).ok_or_else(|| {
                unauthenticated("the request has no verified token with the claim that names the client")
            })?
        }
        ClientIdSource::Certificate {} => host::property(&["connection", "uri_san_peer_certificate"])
            .ok()
            .flatten()
            .ok_or_else(|| unauthenticated("the connection has no client certificate with a URI SAN"))?,
    };
    ClientId::new(&identity).map(|client| Some(client.as_str().to_owned()))
}

/// The claims that belong to the client id.
pub(crate) fn claims(source: &ClientIdSource) -> Box<dyn Claims + '_> {
    match source {
        ClientIdSource::Jwt { metadata_key, .. } => Box::new(Token { metadata_key }),
        ClientIdSource::Certificate {} | ClientIdSource::None {} => Box::new(NoClaims),
    }
}

/// The token that `jwt_authn` verified, whose claims it left in its metadata.
///
/// The host writes a claim without its type: a string as its bytes, a number as a double, a boolean as one byte. Text is
/// told from the others by its characters, a list by having a first element.
struct Token<'a> {
    metadata_key: &'a str,
}

/// More elements of a list are not looked at.
const MAX_LIST: usize = 64;

// === impl Token ===

impl Token<'_> {
    /// A claim of null is an error of the host's, not an absence; here it is an absence all the same.
    fn property(&self, claim: &ClaimPath) -> Option<Vec<u8>> {
        self.property_at(claim, None)
    }

    fn property_at(&self, claim: &ClaimPath, index: Option<&str>) -> Option<Vec<u8>> {
        let root = ["metadata", "filter_metadata", "envoy.filters.http.jwt_authn", self.metadata_key];
        let path: Vec<&str> = root.into_iter().chain(claim.names()).chain(index).collect();
        host::property(&path).ok().flatten()
    }
}

impl Claims for Token<'_> {
    fn text(&self, path: &ClaimPath) -> Option<String> {
        to_text(self.property(path)?)
    }

    fn number(&self, path: &ClaimPath) -> Option<f64> {
        self.property(path)?.try_into().ok().map(f64::from_le_bytes)
    }

    fn boolean(&self, path: &ClaimPath) -> Option<bool> {
        match self.property(path)?.as_slice() {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    fn list(&self, path: &ClaimPath) -> Option<Vec<String>> {
        let elements = (0..MAX_LIST).map_while(|index| self.property_at(path, Some(&index.to_string())));
        let list: Vec<String> = elements.filter_map(to_text).collect();
        (!list.is_empty()).then_some(list)
    }

    fn exists(&self, path: &ClaimPath) -> bool {
        self.property(path).is_some()
    }
}

fn to_text(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok().filter(|text| is_mqtt_string(text))
}

fn unauthenticated(detail: &'static str) -> Problem {
    Problem::new(Code::Unauthenticated, detail)
}
