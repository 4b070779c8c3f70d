//! The JSON of User Properties: an array of objects with string values.
//!
//! It is read as a stream of pairs: a map would lose the order of names and repeated names. Reading stops at the first
//! fault, and [`faults`](super::faults) then looks for all of them.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{PairEnds, UserProperties, check_text};

/// The bytes of JSON that a pair usually takes, for reserving memory.
const TYPICAL_PAIR_BYTES: usize = 32;

/// Reads every pair. Returns the first error of the JSON or of a text.
pub(super) fn read(json: &[u8]) -> serde_json::Result<UserProperties> {
    let mut properties = UserProperties {
        text: String::with_capacity(json.len()),
        ends: Vec::with_capacity(json.len() / TYPICAL_PAIR_BYTES + 1),
    };
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    Array(&mut properties).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(properties)
}

/// Writes the compact form, with one pair in each object.
pub(super) fn write(properties: &UserProperties) -> String {
    let mut json = String::with_capacity(properties.text.len() + properties.len() * r#"{"":""},"#.len() + 2);
    json.push('[');
    for (index, (name, value)) in properties.iter().enumerate() {
        json.push_str(if index == 0 { "{" } else { ",{" });
        write_string(name, &mut json);
        json.push(':');
        write_string(value, &mut json);
        json.push('}');
    }
    json.push(']');
    json
}

/// Appends a JSON string. MQTT text has no control characters, so only quotes and backslashes are escaped.
fn write_string(text: &str, json: &mut String) {
    json.push('"');
    let is_special = |byte: u8| matches!(byte, b'"' | b'\\');
    if text.bytes().any(is_special) {
        for character in text.chars() {
            if matches!(character, '"' | '\\') {
                json.push('\\');
            }
            json.push(character);
        }
    } else {
        json.push_str(text);
    }
    json.push('"');
}

/// Reads the array.
struct Array<'r>(&'r mut UserProperties);

/// Reads an object of the array.
struct Object<'r>(&'r mut UserProperties);

/// Reads a name or a value, and appends it to the text.
struct Text<'r>(&'r mut UserProperties);

// === impl Array ===

impl<'de> DeserializeSeed<'de> for Array<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Array<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Object(self.0))?.is_some() {}
        Ok(())
    }
}

// === impl Object ===

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with string values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<(), A::Error> {
        while let Some(name) = pairs.next_key_seed(Text(self.0))? {
            let value = pairs.next_value_seed(Text(self.0))?;
            self.0.ends.push(PairEnds { name, value });
        }
        Ok(())
    }
}

// === impl Text ===

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Text<'_> {
    /// The end of the text.
    type Value = usize;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<usize, E> {
        check_text(text).map_err(|fault| E::custom(fault.detail))?;
        self.0.text.push_str(text);
        Ok(self.0.text.len())
    }
}
