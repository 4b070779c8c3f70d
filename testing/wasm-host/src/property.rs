//! Properties: what a host tells about a request besides its fields.

use std::collections::HashMap;

use crate::{Status, metadata};

/// What is found at a property's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Property {
    /// Bytes; a filter cannot tell none from absence.
    Bytes(Vec<u8>),
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
    ///
    /// ```
    /// use serde_json::json;
    /// use wasm_host::Property;
    ///
    /// let token = json!({ "envoy.filters.http.jwt_authn": { "jwt": { "oid": "pump-7" } } });
    /// assert!(matches!(Property::metadata(&token), Property::Bytes(bytes) if !bytes.is_empty()));
    /// ```
    #[must_use]
    pub fn metadata(filters: &serde_json::Value) -> Self {
        Self::Bytes(metadata::encode(filters))
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

    pub(crate) fn get(&self, path: &[u8]) -> Result<&[u8], Status> {
        match self.0.get(path) {
            None => Err(Status::NotFound),
            Some(Property::Unserializable) => Err(Status::SerializationFailure),
            Some(Property::Bytes(bytes)) => Ok(bytes),
        }
    }
}
