//! Keys and messages as numbers. SipHash with random keys: a client can neither foresee nor search for two that are equal.

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};

use http_publish::{ADDED_PROPERTIES, ClientId, IdempotencyKey, PayloadFormatIndicator, Publish};
use hyper::HeaderMap;

/// The identity of a key: its client, its topic and its characters, in 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyId(u64, u64);

/// A message, as far as a repeat of it has to be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

/// The random keys of the hashes.
#[derive(Debug, Default)]
pub(crate) struct Hashing(RandomState, RandomState);

/// A fingerprint without the payload.
#[derive(Clone, Debug)]
pub(crate) struct Partial(DefaultHasher);

// === impl Hashing ===

impl Hashing {
    /// The identity of a key of this client and topic. Requests without a client id are of one client.
    pub(crate) fn key(&self, client: Option<&ClientId<'_>>, topic: &str, key: &IdempotencyKey<'_>) -> KeyId {
        let parts = (client.map(ClientId::as_str), topic, key.as_str());
        KeyId(self.0.hash_one(parts), self.1.hash_one(parts))
    }

    /// The fingerprint of a message without its payload, and without the User Properties that the edge added.
    pub(crate) fn message(&self, publish: &Publish<'_>, fields: &HeaderMap) -> Partial {
        let mut hasher = self.0.build_hasher();
        let Publish {
            topic_name: _,
            qos,
            retain,
            response_topic,
            correlation_data,
            user_properties,
            content_type,
            message_expiry_interval,
            payload_format_indicator,
            idempotency_key: _,
            api_version: _,
            purpose: _,
            wait: _,
        } = publish;
        (qos, retain, response_topic, correlation_data, content_type).hash(&mut hasher);
        message_expiry_interval.map(|interval| interval.seconds()).hash(&mut hasher);
        (*payload_format_indicator == PayloadFormatIndicator::Utf8).hash(&mut hasher);
        let own = user_properties.len().saturating_sub(added_properties(fields));
        user_properties.iter().take(own).for_each(|property| property.hash(&mut hasher));
        own.hash(&mut hasher);
        Partial(hasher)
    }
}

/// How many of the last User Properties the edge added. 0 if it does not say.
fn added_properties(fields: &HeaderMap) -> usize {
    let value = fields.get(ADDED_PROPERTIES).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.parse().ok()).unwrap_or_default()
}

// === impl Partial ===

impl Partial {
    /// The fingerprint of the message with this payload.
    pub(crate) fn with_payload(mut self, payload: &[u8]) -> Fingerprint {
        payload.hash(&mut self.0);
        Fingerprint(self.0.finish())
    }
}

#[cfg(test)]
mod tests {
    use http_publish::{RequestHead, Rules, read};
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    type Fields<'a> = &'a [(&'static str, &'a str)];

    fn fingerprint(
        hashing: &Hashing,
        query: &str,
        fields: Fields<'_>,
        payload: &str,
    ) -> (KeyId, Fingerprint) {
        let rules = Rules::default();
        let target = format!("/mqtt/messages?{query}");
        let start = [(":method", "POST"), (":path", target.as_str()), ("idempotency-key", "k")];
        let all = start.into_iter().chain(fields.iter().copied());
        let head = RequestHead::from_fields(all.map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let publish = read(&head, &rules).unwrap();
        let fields = fields
            .iter()
            .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let fields: HeaderMap = fields.collect();
        let key = publish.idempotency_key.as_ref().unwrap();
        let id = hashing.key(None, publish.topic_name.as_str(), key);
        (id, hashing.message(&publish, &fields).with_payload(payload.as_bytes()))
    }

    #[test]
    fn a_message_has_another_fingerprint_if_any_part_of_it_differs() {
        let hashing = Hashing::default();
        let rows: &[(&str, Fields<'_>, &str)] = &[
            ("topic=a", &[], "x"),
            ("topic=a", &[], "y"),
            ("topic=a&qos=0", &[], "x"),
            ("topic=a&retain=1", &[], "x"),
            ("topic=a", &[("mqtt-response-topic", "r")], "x"),
            ("topic=a", &[("mqtt-correlation-data", "AAAA")], "x"),
            ("topic=a", &[("mqtt-message-expiry", "60")], "x"),
            ("topic=a", &[("content-type", "r")], "x"),
            ("topic=a", &[("mqtt-payload-format-indicator", "1")], "x"),
            ("topic=a", &[("mqtt-user-properties", r#"[{"a":"1"}]"#)], "x"),
            ("topic=a", &[("mqtt-user-properties", r#"[{"a":"1"},{"b":"1"}]"#)], "x"),
            ("topic=a", &[("mqtt-user-properties", r#"[{"b":"1"},{"a":"1"}]"#)], "x"),
        ];
        let all: Vec<_> = rows
            .iter()
            .map(|(query, fields, payload)| fingerprint(&hashing, query, fields, payload))
            .collect();
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].iter().any(|other| other.1 == one.1), "{:?}", rows[index]);
            assert_eq!(one.0, all[0].0, "the key is the same");
        }
    }

    #[test]
    fn properties_that_the_edge_added_and_spellings_make_no_difference() {
        let hashing = Hashing::default();
        let row = |properties, added| {
            let fields = [("mqtt-user-properties", properties), ("x-mqtt-added-properties", added)];
            fingerprint(&hashing, "topic=a", &fields, "x")
        };
        let first = row(r#"[{"a":"1"},{"id":"1"},{"at":"7"}]"#, "2");
        assert_eq!(row(r#"[{"a":"1","id":"2"},{"at":"8"}]"#, "2"), first);
        assert_ne!(row(r#"[{"a":"1"},{"id":"1"},{"at":"7"}]"#, "1"), first);
        assert_ne!(row(r#"[{"a":"1"},{"id":"1"},{"at":"7"}]"#, "many"), first);
    }

    #[test]
    fn a_key_belongs_to_its_topic_and_its_client() {
        let hashing = Hashing::default();
        let (one, other) = (ClientId::new(b"one").unwrap(), ClientId::new(b"other").unwrap());
        let rules = Rules::default();
        let head = RequestHead::from_fields([
            (&b":method"[..], &b"POST"[..]),
            (b":path", b"/mqtt/messages?topic=a"),
            (b"idempotency-key", b"k"),
        ]);
        let key = read(&head, &rules).unwrap().idempotency_key.unwrap();
        let id = hashing.key(Some(&one), "a", &key);
        assert_eq!(hashing.key(Some(&one), "a", &key), id);
        assert_ne!(hashing.key(Some(&other), "a", &key), id);
        assert_ne!(hashing.key(None, "a", &key), id);
        assert_ne!(hashing.key(Some(&one), "b", &key), id);
    }
}
