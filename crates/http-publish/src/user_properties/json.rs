//! The JSON of User Properties: an array of objects with string values.
//!
//! It is read as a stream of pairs, since a map would lose repeated names and their order.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{UserProperties, check_text};
use crate::code::Code;
use crate::fault::{Fault, Faults};

/// So many broken pairs are named one by one; a request of the largest size could hold thousands.
const NAMED_FAULTS: usize = 16;

/// Reads every pair, or says what is wrong with every one that is.
pub(super) fn read(json: &[u8]) -> Result<UserProperties, Faults> {
    let mut reader = Reader::default();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let read = (&mut reader).deserialize(&mut deserializer).and_then(|()| deserializer.end());
    if let Err(error) = read {
        reader.faults.push(syntax_fault(json, &error));
    }
    if reader.unnamed_faults > 0 {
        let detail = format!("{} more elements are not objects with string values", reader.unnamed_faults);
        reader.faults.push(Fault::new(Code::InvalidUserProperties, detail));
    }
    if reader.faults.is_empty() { Ok(reader.properties) } else { Err(reader.faults) }
}

/// Writes the compact form, one pair an object.
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

/// Appends a JSON string. MQTT text holds no control characters, so a quote and a backslash are all there is to escape.
fn write_string(text: &str, json: &mut String) {
    json.push('"');
    let mut rest = text;
    while let Some((plain, special)) = rest.split_once(['"', '\\']) {
        json.push_str(plain);
        json.push('\\');
        json.push(if rest.as_bytes().get(plain.len()) == Some(&b'"') { '"' } else { '\\' });
        rest = special;
    }
    json.push_str(rest);
    json.push('"');
}

/// Reads an array of objects into User Properties.
#[derive(Default)]
struct Reader {
    properties: UserProperties,
    faults: Faults,
    unnamed_faults: usize,
    /// The element being read, and the pair within it; both counted from 1.
    element: usize,
    pair: usize,
}

/// Reads one element, which has to be an object.
struct Element<'r>(&'r mut Reader);

/// Reads one value, which has to be a string, and takes the pair.
struct Value<'r, 'n>(&'r mut Reader, &'n str);

/// Reads a string, borrowed where it has no escapes.
struct Text;

// === impl Reader ===

impl Reader {
    fn fail(&mut self, mut fault: Fault, place: &str) {
        if self.faults.len() >= NAMED_FAULTS {
            self.unnamed_faults += 1;
            return;
        }
        fault.detail = Cow::Owned(format!("{place}: {}", fault.detail));
        fault.offset = None;
        self.faults.push(fault);
    }

    fn refuse_element(&mut self, found: &str) {
        let place = format!("element {}", self.element);
        let fault = Fault::new(
            Code::InvalidUserProperties,
            format!("an object like {{\"name\":\"value\"}} is expected, not {found}"),
        );
        self.fail(fault, &place);
    }

    fn refuse_value(&mut self, found: &str) {
        let fault =
            Fault::new(Code::InvalidUserProperties, format!("the value is to be a string, not {found}"));
        self.fail_pair(fault);
    }

    fn fail_pair(&mut self, fault: Fault) {
        let place = format!("element {}, pair {}", self.element, self.pair);
        self.fail(fault, &place);
    }

    fn take(&mut self, name: &str, value: &str) {
        match check_text(name).and_then(|()| check_text(value)) {
            Ok(()) => self.properties.push(name, value),
            Err(fault) => self.fail_pair(fault),
        }
    }
}

impl<'de> DeserializeSeed<'de> for &mut Reader {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Reader {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        loop {
            self.element += 1;
            self.pair = 0;
            if elements.next_element_seed(Element(self))?.is_none() {
                return Ok(());
            }
        }
    }
}

// === impl Element ===

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with string values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<(), A::Error> {
        while let Some(name) = pairs.next_key_seed(Text)? {
            self.0.pair += 1;
            pairs.next_value_seed(Value(self.0, &name))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        self.0.refuse_element("an array");
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.0.refuse_element("a string");
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.0.refuse_element("a boolean");
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.0.refuse_element("a number");
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.0.refuse_element("a number");
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.0.refuse_element("a number");
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.refuse_element("null");
        Ok(())
    }
}

// === impl Value ===

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.0.take(self.1, value);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<(), A::Error> {
        self.0.refuse_value("an object");
        while pairs.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        self.0.refuse_value("an array");
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.0.refuse_value("a boolean");
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.0.refuse_value("a number");
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.0.refuse_value("a number");
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.0.refuse_value("a number");
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.refuse_value("null");
        Ok(())
    }
}

// === impl Text ===

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

fn syntax_fault(json: &[u8], error: &serde_json::Error) -> Fault {
    let line_start: usize = json
        .split_inclusive(|&byte| byte == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    let offset = (line_start + error.column().saturating_sub(1)).min(json.len());
    let detail = match error.classify() {
        serde_json::error::Category::Eof => "the JSON array ends too early",
        serde_json::error::Category::Data => {
            "a JSON array of objects is expected, like [{\"name\":\"value\"}]"
        }
        _ => "this is not JSON",
    };
    Fault::new(Code::InvalidUserProperties, detail).at(offset)
}
