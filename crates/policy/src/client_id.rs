//! Where the client id comes from.

use serde::Deserialize;

use crate::claim::ClaimPath;
use crate::error::InvalidPolicy;

/// The identity that Envoy verified, and that becomes the client id.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "from", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ClientIdSource {
    /// A claim of the token that `jwt_authn` verified and left in its metadata.
    Jwt {
        /// The key that `jwt_authn` is told as `payload_in_metadata`.
        #[serde(default = "default_metadata_key")]
        metadata_key: String,
        /// Claims; the first that is there counts.
        #[serde(default = "default_claims")]
        claims: Vec<ClaimPath>,
    },
    /// The URI SAN of the certificate that the peer showed and the listener verified.
    Certificate {},
    /// None: every request that reaches the filter may publish. For a closed mesh.
    None {},
}

fn default_metadata_key() -> String {
    "jwt".to_owned()
}

fn default_claims() -> Vec<ClaimPath> {
    vec![ClaimPath::named("oid")]
}

// === impl ClientIdSource ===

impl Default for ClientIdSource {
    fn default() -> Self {
        Self::Jwt { metadata_key: default_metadata_key(), claims: default_claims() }
    }
}

impl ClientIdSource {
    /// Refuses what could never find a client.
    pub(crate) fn check(&self) -> Result<(), InvalidPolicy> {
        match self {
            Self::Jwt { claims, .. } if claims.is_empty() || !claims.iter().all(ClaimPath::is_nameable) => {
                Err(InvalidPolicy::new(
                    "clientId.claims",
                    "at least one claim with a name is expected, like oid",
                ))
            }
            Self::Jwt { .. } | Self::Certificate {} | Self::None {} => Ok(()),
        }
    }
}
