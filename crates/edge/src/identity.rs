//! Who publishes: the identity that Envoy verified, read from where the configuration says it is.

use http_publish::{ClientId, Code, Problem};
use policy::{ClaimPath, Claims, Client, NoClaims};

use crate::client_id::ClientIdSource;
use crate::host::{Attribute, Host, HostError, NameClaim, TokenClaims};

/// A verified client, with its token's claims if it came with a token.
pub(crate) struct Identity<C> {
    /// `None` if clients have no id.
    pub(crate) client_id: Option<ClientId<'static>>,
    claims: Option<C>,
}

/// Finds out who sent the request.
pub(crate) fn identify<'a, H: Host>(
    host: &'a H,
    source: &'a ClientIdSource,
) -> Result<Identity<H::Claims<'a>>, Problem> {
    match source {
        ClientIdSource::None => Ok(Identity { client_id: None, claims: None }),
        ClientIdSource::Certificate => {
            let client_id = ClientId::new(&only_uri_san(host)?)?.into_owned();
            Ok(Identity { client_id: Some(client_id), claims: None })
        }
        ClientIdSource::Jwt { metadata_key, claims: paths } => {
            let claims = host.claims(metadata_key).map_err(edge_failure)?;
            let name = name(&claims, paths);
            claims.completed().map_err(edge_failure)?;
            Ok(Identity { client_id: Some(name?), claims: Some(claims) })
        }
    }
}

/// The host failed: neither the client nor the upstream is at fault, but the edge.
pub(crate) fn edge_failure(error: HostError) -> Problem {
    Problem::new(Code::EdgeFailure, format!("a call to the host failed: {error}"))
}

/// The URI SAN of a certificate that has no other. Envoy's attribute is the first one, but Envoy's listener accepts a
/// certificate if any of its URI SANs matches: of several, the first may be one that was never checked.
fn only_uri_san(host: &impl Host) -> Result<Vec<u8>, Problem> {
    let read = |attribute| host.attribute(attribute).map_err(edge_failure);
    let first = read(Attribute::PeerUriSan)?
        .ok_or_else(|| unauthenticated("the connection has no client certificate with a URI SAN"))?;
    let all = read(Attribute::PeerUriSans)?.ok_or_else(|| {
        Problem::new(Code::EdgeFailure, "Envoy does not say how many URI SANs the client's certificate has")
    })?;
    // Of several, the first is only a part of all; a single one may have a comma in it.
    if first == all {
        Ok(first)
    } else {
        Err(Problem::new(Code::InvalidClientId, "the client's certificate has more than one URI SAN"))
    }
}

/// The first claim that is there; null and an empty string are not.
fn name(claims: &impl TokenClaims, paths: &[ClaimPath]) -> Result<ClientId<'static>, Problem> {
    let claim = paths.iter().map(|path| claims.name(path)).find(|claim| *claim != NameClaim::Missing);
    match claim {
        Some(NameClaim::Text(text)) => ClientId::new(text.as_bytes()).map(ClientId::into_owned),
        Some(NameClaim::NotText) => {
            Err(Problem::new(Code::InvalidClientId, "the claim that names the client is not a string"))
        }
        Some(NameClaim::Missing) | None => {
            Err(unauthenticated("the request has no verified token with the claim that names the client"))
        }
    }
}

fn unauthenticated(detail: &'static str) -> Problem {
    Problem::new(Code::Unauthenticated, detail)
}

// === impl Identity ===

impl<C: TokenClaims> Identity<C> {
    /// The client, as the policy sees it.
    pub(crate) fn client(&self) -> Client<'_> {
        let claims: &dyn Claims = match &self.claims {
            Some(claims) => claims,
            None => &NoClaims,
        };
        Client { authentication_name: self.client_id.as_ref().map(ClientId::as_str), claims }
    }

    /// Whether all that was asked about the client could be read.
    pub(crate) fn completed(&self) -> Result<(), Problem> {
        self.claims.as_ref().map_or(Ok(()), TokenClaims::completed).map_err(edge_failure)
    }
}
