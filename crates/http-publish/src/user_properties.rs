//! User Properties (MQTT 5.0, 3.3.2.3.7): pairs of strings, in order, with repeats.

mod encoding;
mod faults;
mod json;

use crate::code::Code;
use crate::fault::{Fault, Faults};
use crate::limits::Limits;
use crate::{base64, mqtt_string};

use json::{Form, Read};

/// Pairs of a name and a value in the order in which they were sent. A name may be repeated.
///
/// ```
/// use http_publish::UserProperties;
///
/// let properties = UserProperties::from_iter([("Urgency", "alert"), ("Urgency", "again")]);
/// assert_eq!(properties.iter().last(), Some(("Urgency", "again")));
/// ```
#[derive(Clone, Debug, Default)]
pub struct UserProperties {
    /// All names and values, concatenated.
    text: String,
    /// The ends of each pair's name and value in `text`.
    ends: Vec<PairEnds>,
    /// Whether the field that they were read from is known to be in normal form, so that it need not be written again.
    is_normal: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct PairEnds {
    name: usize,
    value: usize,
}

// === impl UserProperties ===

impl UserProperties {
    /// Reads the field. A value that starts with `[` is JSON; any other is Base64 of JSON.
    pub(crate) fn parse(raw: &[u8], limits: &Limits) -> Result<Self, Faults> {
        let properties = if raw.first() == Some(&b'[') {
            json::read(raw).map_err(|error| faults::find(raw, &error))?.properties
        } else {
            let json = base64::decode(raw).map_err(|fault| vec![fault])?;
            let Read { properties, form } = json::read(&json).map_err(|error| faults::find(&json, &error))?;
            Self { is_normal: form == Form::Compact && base64::is_normal(raw), ..properties }
        };
        properties.check_size(limits).map_err(|fault| vec![fault])?;
        Ok(properties)
    }

    /// Takes pairs of texts. The first fault of each is found.
    pub(crate) fn of_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        limits: &Limits,
    ) -> Result<Self, Faults> {
        let mut properties = Self::default();
        for (index, (name, value)) in pairs.into_iter().enumerate() {
            for text in [name, value] {
                check_text(text).map_err(|mut fault| {
                    fault.detail = format!("pair {index}: {}", fault.detail).into();
                    vec![fault]
                })?;
            }
            properties.push(name, value);
        }
        properties.check_size(limits).map_err(|fault| vec![fault])?;
        Ok(properties)
    }

    /// Returns an error if the names and values, including those of an edge, are over the limit.
    pub(crate) fn check_size(&self, limits: &Limits) -> Result<(), Fault> {
        Fault::check_limit(
            Code::UserPropertiesTooLarge,
            "the names and values of all User Properties, including those of the edge, are over the limit of bytes",
            limits.user_properties_bytes,
            self.text.len(),
        )
    }

    /// The pairs, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|ends| ends.value));
        starts.zip(&self.ends).filter_map(|(start, ends)| {
            Some((self.text.get(start..ends.name)?, self.text.get(ends.name..ends.value)?))
        })
    }

    /// The number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no pairs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Appends a pair.
    pub fn push(&mut self, name: &str, value: &str) {
        self.is_normal = false;
        self.text.push_str(name);
        let name = self.text.len();
        self.text.push_str(value);
        self.ends.push(PairEnds { name, value: self.text.len() });
    }

    /// Whether the field that they were read from is known to be in normal form; if not, it may still be.
    pub(crate) const fn is_normal(&self) -> bool {
        self.is_normal
    }

    /// Appends the normal form: padded Base64 of compact JSON with one pair in each object.
    pub(crate) fn encode_into(&self, out: &mut String) {
        base64::encode_into(json::write(self).as_bytes(), out);
    }
}

// Equal are those with the same pairs, however they were written.
impl PartialEq for UserProperties {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.ends == other.ends
    }
}

impl Eq for UserProperties {}

impl<'a> FromIterator<(&'a str, &'a str)> for UserProperties {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let mut properties = Self::default();
        for (name, value) in pairs {
            properties.push(name, value);
        }
        properties
    }
}

/// Checks a name or value (MQTT 5.0, 1.5.4).
fn check_text(text: &str) -> Result<(), Fault> {
    mqtt_string::check(text)?;
    Fault::check_limit(
        Code::UserPropertiesTooLarge,
        "the name or value is longer than an MQTT string can be",
        mqtt_string::MAX_BYTES,
        text.len(),
    )
}

#[cfg(test)]
mod tests;
