//! Who publishes: the identity that Envoy verified, read from where the configuration says it is.

use http_publish::{ClientId, Code, Problem};
use policy::{ClaimPath, Claims, ClientIdSource, Presence, TokenMetadata};

use crate::host;
use crate::judgement::edge_failure;

/// A verified client.
pub(crate) struct Identity<'a> {
    /// `None` where clients have no id.
    pub(crate) client_id: Option<ClientId<'static>>,
    /// Envoy's dynamic metadata, serialised, and the key of the token in it; of no use without a token.
    metadata: Vec<u8>,
    metadata_key: &'a str,
}

/// Finds out who sent the request.
pub(crate) fn identify(source: &ClientIdSource) -> Result<Identity<'_>, Problem> {
    match source {
        ClientIdSource::None => Ok(Identity { client_id: None, metadata: Vec::new(), metadata_key: "" }),
        ClientIdSource::Certificate => {
            let client_id = Some(ClientId::new(&only_uri_san()?)?.into_owned());
            Ok(Identity { client_id, metadata: Vec::new(), metadata_key: "" })
        }
        ClientIdSource::Jwt { metadata_key, claims } => {
            let metadata = value(&["metadata"])?.unwrap_or_default();
            let mut identity = Identity { client_id: None, metadata, metadata_key };
            identity.client_id = Some(name(claims, &identity.claims())?);
            Ok(identity)
        }
    }
}

/// Where the configuration of Envoy leaves all URI SANs of the peer's certificate, joined by commas.
const PEER_URI_SANS: [&str; 2] = ["filter_state", "postmqtt.peer_uri_sans"];

/// The URI SAN of a certificate that has no other. Envoy's property is the first one, while its listener is content where
/// any of them matches: of several, the first may be one that nobody checked.
fn only_uri_san() -> Result<Vec<u8>, Problem> {
    let first = value(&["connection", "uri_san_peer_certificate"])?
        .ok_or_else(|| unauthenticated("the connection has no client certificate with a URI SAN"))?;
    let all = value(&PEER_URI_SANS)?.ok_or_else(|| {
        Problem::new(Code::EdgeFailure, "Envoy does not say how many URI SANs the client's certificate has")
    })?;
    // Of several, the first is only a part of all; one alone may well have a comma in it.
    if first == all {
        Ok(first)
    } else {
        Err(Problem::new(Code::InvalidClientId, "the client's certificate has more than one URI SAN"))
    }
}

/// The first claim that is there; null and an empty string are not.
fn name(claims: &[ClaimPath], token: &TokenMetadata<'_>) -> Result<ClientId<'static>, Problem> {
    let claim = claims.iter().find(|claim| token.presence(claim) == Presence::Present).ok_or_else(|| {
        unauthenticated("the request has no verified token with the claim that names the client")
    })?;
    let name = token.text(claim).ok_or_else(|| {
        Problem::new(Code::InvalidClientId, "the claim that names the client is not a string")
    })?;
    ClientId::new(name.as_bytes()).map(ClientId::into_owned)
}

// === impl Identity ===

impl Identity<'_> {
    /// What the token says of the client.
    pub(crate) fn claims(&self) -> TokenMetadata<'_> {
        TokenMetadata::new(&self.metadata, self.metadata_key)
    }
}

fn value(path: &[&str]) -> Result<Option<Vec<u8>>, Problem> {
    host::property(path).map_err(edge_failure)
}

fn unauthenticated(detail: &'static str) -> Problem {
    Problem::new(Code::Unauthenticated, detail)
}
