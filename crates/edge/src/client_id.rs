//! Where the client id comes from.

use policy::{ClaimPath, Name, present};
use serde::Deserialize;

use crate::invalid_config::InvalidConfig;

/// The identity that Envoy verified, and that becomes the client id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientIdSource {
    /// A claim of the token that `jwt_authn` verified and left in its metadata.
    Jwt {
        /// The key that `jwt_authn` is told as `payload_in_metadata`.
        metadata_key: String,
        /// Claims; the first that is a text counts.
        claims: Vec<ClaimPath>,
    },
    /// The only URI SAN of the certificate that the peer showed and the listener verified; all of them have to be in the
    /// filter state `postmqtt.peer_uri_sans`.
    Certificate,
    /// None: every request that reaches the filter may publish. For a closed mesh.
    None,
}

/// Where the client id comes from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ClientIdDocument {
    from: Name<Origin>,
    /// With `jwt`: the key that `jwt_authn` is told as `payload_in_metadata`; `jwt` by default.
    #[serde(default, deserialize_with = "present")]
    metadata_key: Option<String>,
    /// With `jwt`: claims, of which the first that is a text counts; `oid` by default.
    #[serde(default, deserialize_with = "present")]
    claims: Option<Vec<ClaimPath>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum Origin {
    /// A claim of the token that `jwt_authn` verified and left in its metadata.
    #[default]
    Jwt,
    /// The only URI SAN of the certificate that the peer showed and the listener verified; all of them have to be in the
    /// filter state `postmqtt.peer_uri_sans`.
    Certificate,
    /// None: every request that reaches the filter may publish. For a closed mesh.
    None,
}

// === impl ClientIdDocument ===

impl ClientIdDocument {
    pub(crate) fn compile(self) -> Result<ClientIdSource, InvalidConfig> {
        let Self { from: Name(from), metadata_key, claims } = self;
        if from != Origin::Jwt && (metadata_key.is_some() || claims.is_some()) {
            return Err(InvalidConfig::new("clientId", "metadataKey and claims go with \"from\": \"jwt\""));
        }
        match from {
            Origin::Certificate => Ok(ClientIdSource::Certificate),
            Origin::None => Ok(ClientIdSource::None),
            Origin::Jwt => {
                let claims = claims.unwrap_or_else(|| vec![ClaimPath::named("oid")]);
                if claims.is_empty() || !claims.iter().all(ClaimPath::is_nameable) {
                    let expected = "at least one claim with a name is expected, like \"oid\"";
                    return Err(InvalidConfig::new("clientId.claims", expected));
                }
                let metadata_key = metadata_key.unwrap_or_else(|| "jwt".to_owned());
                Ok(ClientIdSource::Jwt { metadata_key, claims })
            }
        }
    }
}
