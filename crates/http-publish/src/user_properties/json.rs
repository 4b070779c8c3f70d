//! The JSON of User Properties: an array of objects with string values.
//!
//! It is read as a stream of pairs: a map would lose the order of names and repeated names. Reading stops at the first
//! fault, and [`faults`](super::faults) then looks for all of them.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{PairEnds, UserProperties, check_text};

/// The bytes of JSON that a pair usually takes, for reserving memory.
const TYPICAL_PAIR_BYTES: usize = 32;

/// What was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) properties: UserProperties,
    pub(super) form: Form,
}

/// How JSON was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As [`write()`] writes it.
    Compact,
    /// Perhaps in another way.
    Any,
}

/// Reads every pair. Returns the first error of the JSON or of a text.
pub(super) fn read(json: &[u8]) -> serde_json::Result<Read> {
    let mut reader = Reader {
        properties: UserProperties {
            text: String::with_capacity(json.len()),
            ends: Vec::with_capacity(json.len() / TYPICAL_PAIR_BYTES + 1),
            is_normal: false,
        },
        form: Form::Compact,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    Array(&mut reader).deserialize(&mut deserializer)?;
    deserializer.end()?;
    let Reader { properties, form } = reader;
    // No byte of this length can be missing, so JSON that has it has no space.
    let form = if json.len() == compact_length(&properties) { form } else { Form::Any };
    Ok(Read { properties, form })
}

/// The length of the compact form of pairs without anything to escape.
fn compact_length(properties: &UserProperties) -> usize {
    let pairs = properties.len();
    let commas = pairs.saturating_sub(1);
    "[]".len() + pairs * r#"{"":""}"#.len() + commas + properties.text.len()
}

/// Writes the compact form, with one pair in each object.
pub(super) fn write(properties: &UserProperties) -> String {
    let mut json = String::with_capacity(compact_length(properties));
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

/// What has been read so far. The form is what is known of it without the length of the JSON.
struct Reader {
    properties: UserProperties,
    form: Form,
}

/// Reads the array.
struct Array<'r>(&'r mut Reader);

/// Reads an object of the array.
struct Object<'r>(&'r mut Reader);

/// Reads a name or a value, and appends it to the text.
struct Text<'r>(&'r mut Reader);

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
        let before = self.0.properties.len();
        while let Some(name) = pairs.next_key_seed(Text(self.0))? {
            let value = pairs.next_value_seed(Text(self.0))?;
            self.0.properties.ends.push(PairEnds { name, value });
        }
        if self.0.properties.len() != before + 1 {
            self.0.form = Form::Any;
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

impl<'de> Visitor<'de> for Text<'_> {
    /// The end of the text.
    type Value = usize;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<usize, E> {
        self.append(text)
    }

    /// A string with escapes, which cannot be borrowed.
    fn visit_str<E: Error>(self, text: &str) -> Result<usize, E> {
        self.0.form = Form::Any;
        self.append(text)
    }
}

impl Text<'_> {
    fn append<E: Error>(self, text: &str) -> Result<usize, E> {
        check_text(text).map_err(|fault| E::custom(fault.detail))?;
        let all = &mut self.0.properties.text;
        all.push_str(text);
        Ok(all.len())
    }
}
