//! Every fault in the JSON of User Properties. Only JSON that could not be read gets here, so this need not be fast.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{check_text, encoding};
use crate::code::Code;
use crate::fault::{Fault, Faults};

/// The number of faults that are named one by one; a field of the largest size could have thousands.
const MAX_FAULTS: usize = 16;

/// The faults found so far, and the place in the JSON.
struct Finder<'j> {
    json: &'j [u8],
    faults: Faults,
    /// The number of faults that are not named.
    others: usize,
    /// The element and the pair in it that is being read, counted from 1.
    element: usize,
    pair: usize,
}

/// An object's names and values as they are written, in order.
struct Members<'f, 'j>(&'f mut Finder<'j>);

/// Finds every fault. `error` is the one that stopped the reader.
pub(super) fn find(json: &[u8], error: &serde_json::Error) -> Faults {
    let mut finder = Finder { json, faults: Vec::new(), others: 0, element: 0, pair: 0 };
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let read = (&mut finder).deserialize(&mut deserializer).and_then(|()| deserializer.end());
    if let Err(error) = read {
        finder.faults.push(syntax_fault(json, &error));
    }
    if finder.others > 0 {
        let detail = format!("{} more elements are not objects with string values", finder.others);
        finder.faults.push(Fault::new(Code::InvalidUserProperties, detail));
    }
    if finder.faults.is_empty() {
        finder.faults.push(syntax_fault(json, error));
    }
    finder.faults
}

// === impl Finder ===

impl<'j> Finder<'j> {
    fn check_element(&mut self, element: &'j RawValue) {
        self.element += 1;
        self.pair = 0;
        if kind(element) != "an object" {
            let detail = format!("an object like {{\"name\":\"value\"}} is expected, not {}", kind(element));
            let place = format!("element {}", self.element);
            self.push(Fault::new(Code::InvalidUserProperties, detail), &place, element);
            return;
        }
        // The element was read once, so its syntax is right.
        let mut deserializer = serde_json::Deserializer::from_slice(element.get().as_bytes());
        let _ = Members(self).deserialize(&mut deserializer);
    }

    fn check_pair(&mut self, name: &'j RawValue, value: &'j RawValue) {
        self.pair += 1;
        for text in [name, value] {
            if let Err(fault) = check_string(text) {
                let place = format!("element {}, pair {}", self.element, self.pair);
                self.push(fault, &place, text);
            }
        }
    }

    /// Adds a fault of `text`, which is a part of the JSON.
    fn push(&mut self, fault: Fault, place: &str, text: &RawValue) {
        if self.faults.len() >= MAX_FAULTS {
            self.others += 1;
            return;
        }
        let offset = text.get().as_ptr().addr().saturating_sub(self.json.as_ptr().addr());
        let detail = format!("{place}: {}", fault.detail);
        self.faults.push(Fault { detail: detail.into(), ..fault }.at(offset));
    }
}

impl<'de> DeserializeSeed<'de> for &mut Finder<'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Finder<'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element()? {
            self.check_element(element);
        }
        Ok(())
    }
}

// === impl Members ===

impl<'de> DeserializeSeed<'de> for Members<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some((name, value)) = members.next_entry()? {
            self.0.check_pair(name, value);
        }
        Ok(())
    }
}

fn check_string(value: &RawValue) -> Result<(), Fault> {
    let kind = kind(value);
    if kind != "a string" {
        let detail = format!("the value has to be a string, not {kind}");
        return Err(Fault::new(Code::InvalidUserProperties, detail));
    }
    match serde_json::from_slice::<String>(value.get().as_bytes()) {
        Ok(text) => check_text(&text),
        // A lone surrogate (RFC 8259, 8.2).
        Err(_) => {
            Err(Fault::new(Code::InvalidUserProperties, "the string has an escape that is no character"))
        }
    }
}

/// What a value is, by its first character.
fn kind(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

fn syntax_fault(json: &[u8], error: &serde_json::Error) -> Fault {
    if let Some(guess) = encoding::guess(json) {
        let detail = format!("the JSON has to be UTF-8, and seems to be {}", guess.encoding);
        return Fault::new(Code::InvalidUserProperties, detail).at(guess.offset);
    }
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
