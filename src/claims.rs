//! The claims that `jwt_authn` left in Envoy's metadata.
//!
//! The claim that names the client is read by its property path, which costs a fraction of the whole metadata. A property does
//! not tell its type: Envoy gives a number as 8 bytes, a boolean as 1, a list or an object as a protobuf message, which
//! starts with the tag of its field 1 or is empty, and for null it fails. Whatever may be one of these is not believed; the
//! whole metadata is read instead, where each claim has its type. So are nested claims, since a property path also enters
//! lists, and the other claims that a policy asks for.

use std::cell::{Cell, OnceCell};

use edge::{HostError, NameClaim, TokenClaims, TokenMetadata};
use policy::{ClaimPath, Claims, Presence};

use crate::abi::{self, Property};

/// The claims of one request's token, read when they are asked for.
pub(crate) struct EnvoyClaims<'a> {
    metadata_key: &'a str,
    metadata: OnceCell<TokenMetadata<Vec<u8>>>,
    failure: Cell<Option<HostError>>,
}

/// Where in Envoy's metadata the claims are, but for the key.
const NAMESPACE: [&str; 3] = ["metadata", "filter_metadata", edge::JWT_AUTHN];

/// The lengths of a number and a boolean.
const NUMBER_BYTES: usize = 8;
const BOOLEAN_BYTES: usize = 1;
/// How a list or an object starts: the tag of field 1, with a length.
const MESSAGE_TAG: u8 = 0x0a;

// === impl EnvoyClaims ===

impl<'a> EnvoyClaims<'a> {
    pub(crate) fn new(metadata_key: &'a str) -> Self {
        Self { metadata_key, metadata: OnceCell::new(), failure: Cell::new(None) }
    }

    fn metadata(&self) -> &TokenMetadata<Vec<u8>> {
        self.metadata.get_or_init(|| {
            let bytes = match abi::property(&["metadata"]) {
                Ok(property) => property.into_bytes().unwrap_or_default(),
                Err(error) => {
                    self.failure.set(Some(error));
                    Vec::new()
                }
            };
            TokenMetadata::new(bytes, self.metadata_key)
        })
    }
}

impl TokenClaims for EnvoyClaims<'_> {
    fn name(&self, path: &ClaimPath) -> NameClaim {
        let mut names = path.names();
        let (Some(name), None) = (names.next(), names.next()) else { return self.metadata().name(path) };
        let [metadata, filter_metadata, filter] = NAMESPACE;
        match abi::property(&[metadata, filter_metadata, filter, self.metadata_key, name]) {
            Ok(Property::Bytes(bytes)) => {
                text(bytes).map_or_else(|| self.metadata().name(path), NameClaim::Text)
            }
            Ok(Property::Missing) => NameClaim::Missing,
            Ok(Property::Empty) | Err(HostError { status: Some(abi::SERIALIZATION_FAILURE), .. }) => {
                self.metadata().name(path)
            }
            Err(error) => {
                self.failure.set(Some(error));
                NameClaim::Missing
            }
        }
    }

    fn completed(&self) -> Result<(), HostError> {
        self.failure.get().map_or(Ok(()), Err)
    }
}

/// The text that a property's bytes are, unless they may be a value of another type.
fn text(bytes: Vec<u8>) -> Option<String> {
    let is_ambiguous =
        matches!(bytes.len(), BOOLEAN_BYTES | NUMBER_BYTES) || bytes.first() == Some(&MESSAGE_TAG);
    if is_ambiguous { None } else { String::from_utf8(bytes).ok() }
}

impl Claims for EnvoyClaims<'_> {
    fn text(&self, path: &ClaimPath) -> Option<String> {
        self.metadata().text(path)
    }

    fn number(&self, path: &ClaimPath) -> Option<f64> {
        self.metadata().number(path)
    }

    fn boolean(&self, path: &ClaimPath) -> Option<bool> {
        self.metadata().boolean(path)
    }

    fn list(&self, path: &ClaimPath) -> Option<Vec<String>> {
        self.metadata().list(path)
    }

    fn presence(&self, path: &ClaimPath) -> Presence {
        self.metadata().presence(path)
    }
}
