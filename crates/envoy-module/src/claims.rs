//! The claims of a verified token as JSON, which is how Envoy's formatter writes them to filter state.
//!
//! They are parsed once a request, and borrow from Envoy's memory all strings that have no escapes.

use std::borrow::Cow;
use std::fmt;

use edge::{HostError, TokenClaims};
use policy::{ClaimPath, Claims, Presence};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// The claims of one token; none of a request without one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JsonClaims<'a>(Value<'a>);

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
enum Value<'a> {
    Null,
    Boolean(bool),
    Number(f64),
    Text(Cow<'a, str>),
    List(Vec<Value<'a>>),
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// A string that borrows if it can.
struct Text<'a>(Cow<'a, str>);

struct ValueVisitor;
struct TextVisitor;

// === impl JsonClaims ===

impl<'a> JsonClaims<'a> {
    /// The claims of a request without a token.
    pub(crate) const NONE: Self = Self(Value::Object(Vec::new()));

    /// Reads a JSON object.
    ///
    /// # Errors
    /// Returns an error if it is none.
    pub(crate) fn from_json(json: &'a [u8]) -> Result<Self, HostError> {
        const FAILED: HostError = HostError { call: "reading the claims", status: None };
        // Checked once, the text need not be checked string by string.
        let json = std::str::from_utf8(json).map_err(|_| FAILED)?;
        match serde_json::from_str(json) {
            Ok(claims @ Value::Object(_)) => Ok(Self(claims)),
            _ => Err(FAILED),
        }
    }

    fn find(&self, path: &ClaimPath) -> Option<&Value<'a>> {
        path.names().try_fold(&self.0, |value, name| match value {
            Value::Object(fields) => fields.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        })
    }
}

impl Claims for JsonClaims<'_> {
    fn text(&self, path: &ClaimPath) -> Option<String> {
        match self.find(path)? {
            Value::Text(text) => Some(text.clone().into_owned()),
            _ => None,
        }
    }

    fn number(&self, path: &ClaimPath) -> Option<f64> {
        match self.find(path)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn boolean(&self, path: &ClaimPath) -> Option<bool> {
        match self.find(path)? {
            Value::Boolean(boolean) => Some(*boolean),
            _ => None,
        }
    }

    fn list(&self, path: &ClaimPath) -> Option<Vec<String>> {
        let Value::List(list) = self.find(path)? else { return None };
        let texts = list.iter().filter_map(|value| match value {
            Value::Text(text) => Some(text.clone().into_owned()),
            _ => None,
        });
        Some(texts.collect())
    }

    fn presence(&self, path: &ClaimPath) -> Presence {
        match self.find(path) {
            None => Presence::Absent,
            Some(Value::Text(text)) if text.is_empty() => Presence::Absent,
            Some(Value::Null) => Presence::Null,
            Some(_) => Presence::Present,
        }
    }
}

impl TokenClaims for JsonClaims<'_> {}

// === impl Value ===

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<Self::Value, E> {
        Ok(Value::Boolean(boolean))
    }

    // JSON's numbers are doubles in a google.protobuf.Value, where these come from: the casts lose nothing.
    #[allow(clippy::cast_precision_loss)]
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Value::Number(number as f64))
    }

    #[allow(clippy::cast_precision_loss)]
    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(8);
        while let Some((Text(key), value)) = entries.next_entry()? {
            fields.push((key, value));
        }
        Ok(Value::Object(fields))
    }
}

// === impl Text ===

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}
