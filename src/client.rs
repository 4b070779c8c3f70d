//! Who publishes: the identity that Envoy verified, where the configuration says to find it.

use http_publish::{ClientId, Code, Problem};
use serde::Deserialize;

use crate::host;

/// Where the client id comes from.
#[derive(Debug, Deserialize)]
#[serde(tag = "from", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(crate) enum ClientIdSource {
    /// A claim of the token that `jwt_authn` verified and left in its metadata.
    Jwt {
        /// The key that `jwt_authn` is told as `payload_in_metadata`.
        #[serde(default = "default_metadata_key")]
        metadata_key: String,
        /// Claims by name, the first that is there counts.
        #[serde(default = "default_claims")]
        claims: Vec<String>,
    },
    /// The URI SAN of the certificate that the peer showed and the listener verified.
    Certificate {},
    /// None: every request that reaches the filter may publish. For a closed mesh.
    None {},
}

fn default_metadata_key() -> String {
    "jwt".to_owned()
}

fn default_claims() -> Vec<String> {
    vec!["oid".to_owned()]
}

// === impl ClientIdSource ===

impl Default for ClientIdSource {
    fn default() -> Self {
        Self::Jwt { metadata_key: default_metadata_key(), claims: default_claims() }
    }
}

impl ClientIdSource {
    /// Refuses what could never find a client.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::Jwt { claims, .. } if claims.is_empty() => {
                Err("clientId.claims: at least one claim is expected, like oid".to_owned())
            }
            Self::Jwt { .. } | Self::Certificate {} | Self::None {} => Ok(()),
        }
    }

    /// The value of the field that names the client to the upstream; `None` where clients have no id.
    pub(crate) fn client_id_field(&self) -> Result<Option<String>, Problem> {
        let identity = match self {
            Self::None {} => return Ok(None),
            Self::Jwt { metadata_key, claims } => claim(metadata_key, claims)?,
            Self::Certificate {} => host::property(&["connection", "uri_san_peer_certificate"])
                .ok()
                .flatten()
                .ok_or_else(|| unauthenticated("the connection has no client certificate with a URI SAN"))?,
        };
        ClientId::new(&identity).map(|client| Some(client.to_field()))
    }
}

/// The first claim that is there. A claim of null is an error of the host's, not an absence: it is skipped all the same.
fn claim(metadata_key: &str, claims: &[String]) -> Result<Vec<u8>, Problem> {
    claims
        .iter()
        .find_map(|claim| {
            let path =
                ["metadata", "filter_metadata", "envoy.filters.http.jwt_authn", metadata_key, claim.as_str()];
            host::property(&path).ok().flatten()
        })
        .ok_or_else(|| {
            unauthenticated("the request has no verified token with the claim that names the client")
        })
}

fn unauthenticated(detail: &'static str) -> Problem {
    Problem::new(Code::Unauthenticated, detail)
}
