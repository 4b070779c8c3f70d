//! A token's claims as `jwt_authn` leaves them: in Envoy's dynamic metadata, a serialised `envoy.config.core.v3.Metadata`.
//!
//! It is read in place, one path at a time, and only what is asked for is copied. In this form a claim keeps its type; a
//! property read by its path has bytes alone, and eight of them may be a string or a number.

use std::ops::Range;

use policy::{ClaimPath, Claims, Presence};

use crate::host::TokenClaims;

/// The claims of one token, in the metadata that holds them.
#[derive(Clone, Debug)]
pub struct TokenMetadata<B> {
    metadata: B,
    /// Where in it the token is, a serialised `google.protobuf.Struct`; `None` if there is no token.
    token: Result<Option<Range<usize>>, Malformed>,
}

/// The bytes are not a protobuf message, or not the expected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Malformed;

/// A `google.protobuf.Value`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Value<'a> {
    Null,
    Number(f64),
    Text(&'a str),
    Boolean(bool),
    Struct(&'a [u8]),
    List(&'a [u8]),
}

/// The fields of a serialised message, one after the other.
struct Message<'a>(&'a [u8]);

/// A field's value on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32,
}

/// The name of the filter that leaves the claims.
pub const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";

// Numbers of fields, as the .proto files have them.
const METADATA_FILTER_METADATA: u64 = 1;
const STRUCT_FIELDS: u64 = 1;
const LIST_VALUES: u64 = 1;
const ENTRY_KEY: u64 = 1;
const ENTRY_VALUE: u64 = 2;

// === impl TokenMetadata ===

impl<B: AsRef<[u8]>> TokenMetadata<B> {
    /// Finds the token that `jwt_authn` left under `key` (its `payload_in_metadata`). Empty metadata has no token.
    #[must_use]
    pub fn new(metadata: B, key: &str) -> Self {
        let token = find_token(metadata.as_ref(), key);
        Self { metadata, token }
    }

    fn find(&self, path: &ClaimPath) -> Result<Option<Value<'_>>, Malformed> {
        let Some(token) = self.token.clone()? else { return Ok(None) };
        let claims = self.metadata.as_ref().get(token).ok_or(Malformed)?;
        path.names().try_fold(Some(Value::Struct(claims)), |value, name| match value {
            Some(Value::Struct(fields)) => entry(fields, STRUCT_FIELDS, name)?.map(Value::parse).transpose(),
            _ => Ok(None),
        })
    }

    fn value(&self, path: &ClaimPath) -> Option<Value<'_>> {
        self.find(path).ok().flatten()
    }
}

fn find_token(metadata: &[u8], key: &str) -> Result<Option<Range<usize>>, Malformed> {
    let Some(filter) = entry(metadata, METADATA_FILTER_METADATA, JWT_AUTHN)? else { return Ok(None) };
    let Some(token) = entry(filter, STRUCT_FIELDS, key)? else { return Ok(None) };
    let Value::Struct(claims) = Value::parse(token)? else { return Ok(None) };
    let start = claims.as_ptr().addr().checked_sub(metadata.as_ptr().addr()).ok_or(Malformed)?;
    Ok(Some(start..start.saturating_add(claims.len())))
}

impl<B: AsRef<[u8]>> TokenClaims for TokenMetadata<B> {}

impl<B: AsRef<[u8]>> Claims for TokenMetadata<B> {
    fn text(&self, path: &ClaimPath) -> Option<String> {
        match self.value(path)? {
            Value::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }

    fn number(&self, path: &ClaimPath) -> Option<f64> {
        match self.value(path)? {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    fn boolean(&self, path: &ClaimPath) -> Option<bool> {
        match self.value(path)? {
            Value::Boolean(boolean) => Some(boolean),
            _ => None,
        }
    }

    fn list(&self, path: &ClaimPath) -> Option<Vec<String>> {
        let Value::List(list) = self.value(path)? else { return None };
        let values = Message(list).filter_map(|field| match field {
            Ok((LIST_VALUES, Wire::Bytes(value))) => Value::parse(value).ok(),
            _ => None,
        });
        let texts = values.filter_map(|value| match value {
            Value::Text(text) => Some(text.to_owned()),
            _ => None,
        });
        Some(texts.collect())
    }

    fn presence(&self, path: &ClaimPath) -> Presence {
        match self.find(path) {
            Ok(None | Some(Value::Text(""))) => Presence::Absent,
            Ok(Some(Value::Null)) | Err(Malformed) => Presence::Null,
            Ok(Some(_)) => Presence::Present,
        }
    }
}

// === impl Value ===

impl<'a> Value<'a> {
    /// A value has one field; of several, as everywhere in protobuf, the last counts.
    fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        Message(value).try_fold(Self::Null, |_, field| {
            Ok(match field? {
                (1, Wire::Varint(_)) => Self::Null,
                (2, Wire::Fixed64(bytes)) => Self::Number(f64::from_le_bytes(bytes)),
                (3, Wire::Bytes(bytes)) => Self::Text(std::str::from_utf8(bytes).map_err(|_| Malformed)?),
                (4, Wire::Varint(number)) => Self::Boolean(number != 0),
                (5, Wire::Bytes(bytes)) => Self::Struct(bytes),
                (6, Wire::Bytes(bytes)) => Self::List(bytes),
                _ => return Err(Malformed),
            })
        })
    }
}

/// The value of `key` in the map that is field `map` of `message`.
fn entry<'a>(message: &'a [u8], map: u64, key: &str) -> Result<Option<&'a [u8]>, Malformed> {
    let mut found = None;
    for field in Message(message) {
        let (number, Wire::Bytes(entry)) = field? else { continue };
        if number != map {
            continue;
        }
        let mut name: &[u8] = b"";
        let mut value: &[u8] = b"";
        for field in Message(entry) {
            match field? {
                (ENTRY_KEY, Wire::Bytes(bytes)) => name = bytes,
                (ENTRY_VALUE, Wire::Bytes(bytes)) => value = bytes,
                _ => {}
            }
        }
        if name == key.as_bytes() {
            found = Some(value);
        }
    }
    Ok(found)
}

// === impl Message ===

impl<'a> Message<'a> {
    fn next_field(&mut self) -> Option<(u64, Wire<'a>)> {
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(*self.take(8)?.first_chunk()?),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Wire::Fixed32
            }
            _ => return None,
        };
        Some((tag >> 3, wire))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

impl<'a> Iterator for Message<'a> {
    type Item = Result<(u64, Wire<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.next_field();
        if field.is_none() {
            self.0 = b"";
        }
        Some(field.ok_or(Malformed))
    }
}

#[cfg(test)]
mod tests;
