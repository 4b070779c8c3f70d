//! Properties: what a host tells about a request besides its fields.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::{Status, metadata};

/// What is found at a property's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Property {
    /// Bytes.
    Bytes(Vec<u8>),
    /// Envoy's dynamic metadata: at its path all of it, and below its path each claim.
    Metadata(serde_json::Value),
    /// A value that has no bytes, like a claim of `null`.
    Unserializable,
}

/// Properties by their path, whose parts a NUL separates.
#[derive(Debug, Default)]
pub(crate) struct Properties(HashMap<Vec<u8>, Property>);

// === impl Property ===

impl Property {
    /// Envoy's dynamic metadata, as its property `metadata` is given: an object with a filter's name for each member,
    /// whose value is an object again.
    #[must_use]
    pub fn metadata(filters: &serde_json::Value) -> Self {
        Self::Metadata(filters.clone())
    }

    /// The bytes as a host gives them; `None` if there are none.
    ///
    /// ```
    /// use serde_json::json;
    /// use wasm_host::Property;
    ///
    /// let token = json!({ "envoy.filters.http.jwt_authn": { "jwt": { "oid": "pump-7" } } });
    /// assert!(Property::metadata(&token).to_bytes().is_some_and(|bytes| !bytes.is_empty()));
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Bytes(bytes) => Some(Cow::Borrowed(bytes)),
            Self::Metadata(filters) => Some(Cow::Owned(metadata::encode(filters))),
            Self::Unserializable => None,
        }
    }
}

impl From<&str> for Property {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

// === impl Properties ===

impl Properties {
    pub(crate) fn set(&mut self, path: &[&str], value: Option<Property>) {
        let path = path.join("\0").into_bytes();
        match value {
            Some(value) => drop(self.0.insert(path, value)),
            None => drop(self.0.remove(&path)),
        }
    }

    pub(crate) fn get(&self, path: &[u8]) -> Result<Cow<'_, [u8]>, Status> {
        if let Some(property) = self.0.get(path) {
            return property.to_bytes().ok_or(Status::SerializationFailure);
        }
        let path = path.strip_prefix(b"metadata\0filter_metadata\0").ok_or(Status::NotFound)?;
        let Some(Property::Metadata(filters)) = self.0.get(&b"metadata"[..]) else {
            return Err(Status::NotFound);
        };
        let mut names = path.split(|&byte| byte == 0);
        let found = names.try_fold(filters, |value, name| value.get(std::str::from_utf8(name).ok()?));
        metadata::encode_alone(found.ok_or(Status::NotFound)?)
            .map(Cow::Owned)
            .ok_or(Status::SerializationFailure)
    }
}
