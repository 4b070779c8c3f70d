//! User Properties: what the crate's reader takes, and as what, is what serde_json makes of the same JSON.

use std::fmt;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http_publish::{Change, Code, Profile, RequestHead, Rules, USER_PROPERTIES, read};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::mqtt_text::is_mqtt_text;

type Pair = (String, String);

/// A JSON object as serde_json reads it, but with its order and its repeated names.
struct Members(Vec<(String, Value)>);

/// Reads the JSON in every form in which it may be sent, and compares.
///
/// # Panics
/// Where the readers do not agree.
pub(crate) fn check(json: &[u8]) {
    let expected = reference(json);
    if json.first() == Some(&b'[') {
        assert_eq!(pairs(json), expected, "as JSON: {}", json.escape_ascii());
    }
    for encoded in [BASE64_STANDARD.encode(json), BASE64_URL_SAFE_NO_PAD.encode(json)] {
        assert_eq!(pairs(encoded.as_bytes()), expected, "as Base64: {}", json.escape_ascii());
    }
    if let Some(expected) = expected {
        check_normal_form(json, &expected);
    }
}

/// What serde_json makes of it: `None` where it is no array of objects whose values are strings that MQTT carries.
fn reference(json: &[u8]) -> Option<Vec<Pair>> {
    let elements: Vec<Members> = serde_json::from_slice(json).ok()?;
    let members = elements.into_iter().flat_map(|Members(members)| members);
    let pairs: Option<Vec<Pair>> = members
        .map(|(name, value)| match value {
            Value::String(value) if is_mqtt_text(&name) && is_mqtt_text(&value) => Some((name, value)),
            _ => None,
        })
        .collect();
    pairs.filter(|pairs| {
        let size: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
        size <= rules().limits.user_properties_bytes
    })
}

/// What the crate makes of a field's value.
fn pairs(value: &[u8]) -> Option<Vec<Pair>> {
    let rules = rules();
    match read(&head(value), &rules) {
        Ok(publish) => {
            let pairs = publish.user_properties.iter();
            Some(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
        }
        Err(problem) => {
            let of_json = [Code::InvalidUserProperties, Code::InvalidCharacter, Code::UserPropertiesTooLarge];
            assert!(of_json.contains(&problem.code()), "{problem:?}");
            assert!(problem.violations().iter().all(|violation| violation.parameter == USER_PROPERTIES));
            None
        }
    }
}

/// The one spelling is serde_json's: compact, one pair an object, in Base64 with its padding.
fn check_normal_form(json: &[u8], expected: &[Pair]) {
    let value = BASE64_STANDARD.encode(json);
    let (rules, head) = (rules(), head(value.as_bytes()));
    let publish = read(&head, &rules).expect("it was read before");
    let mut normal = Some(value.clone());
    let Ok(()) = publish.changes(&head, &rules, |change| -> Result<(), std::convert::Infallible> {
        match change {
            Change::Set { name: USER_PROPERTIES, value } => normal = Some(value.to_owned()),
            Change::Remove { name: USER_PROPERTIES } => normal = None,
            Change::Set { .. } | Change::Remove { .. } => {}
        }
        Ok(())
    });
    let objects: Vec<Value> =
        expected.iter().map(|(name, value)| serde_json::json!({ name.as_str(): value })).collect();
    let compact = serde_json::to_vec(&objects).expect("strings are written");
    let expected = (!objects.is_empty()).then(|| BASE64_STANDARD.encode(compact));
    assert_eq!(normal, expected);
}

fn rules() -> Rules {
    Rules { limits: Profile::Azure.limits(), ..Rules::default() }
}

fn head(value: &[u8]) -> RequestHead<'_> {
    RequestHead::from_fields([
        (&b":method"[..], &b"POST"[..]),
        (b":path", b"/mqtt/messages?topic=a"),
        (USER_PROPERTIES.as_bytes(), value),
    ])
}

// === impl Members ===

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}
