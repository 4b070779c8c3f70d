//! Retained messages over HTTP: one by its topic, or a list by a Topic Filter.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http_publish::{Code, Page, Problem, RequestHead, RetainedRequest, Rules, TopicName};
use hyper::HeaderMap;
use hyper::header::IF_NONE_MATCH;
use mqtt_sessions::budget::Budget;
use mqtt_sessions::codec::received::ReceivedPublish;
use mqtt_sessions::retained::RetainedReader;
use serde::Serialize;

use super::answer::{self, Answer};
use crate::translate;

/// Answers requests for retained messages.
#[derive(Debug)]
pub struct Retained {
    reader: RetainedReader,
    budget: Arc<Budget>,
}

/// A page of a list. `nextLink` is null on the last one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    next_link: Option<String>,
    retained_messages: Vec<Entry>,
}

/// A retained message in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    topic: String,
    qos: u8,
    size: usize,
    /// When the broker drops it (RFC 3339). `None`: never.
    expiry: Option<String>,
}

// === impl Retained ===

impl Retained {
    /// Answers with what `reader` reads, within `budget`.
    #[must_use]
    pub const fn new(reader: RetainedReader, budget: Arc<Budget>) -> Self {
        Self { reader, budget }
    }

    /// Answers a request to one of the paths of retained messages.
    ///
    /// # Errors
    ///
    /// Returns a problem if the request is invalid, the messages cannot be read, or there is none.
    pub(super) async fn answer(
        &self,
        head: &RequestHead<'_>,
        fields: &HeaderMap,
        rules: &Rules,
    ) -> Result<Answer, Problem> {
        match RetainedRequest::read(head, rules)? {
            RetainedRequest::Message(topic) => self.message(&topic, fields, rules).await,
            RetainedRequest::List(page) => self.list(page, rules).await,
        }
    }

    async fn message(
        &self,
        topic: &TopicName<'_>,
        fields: &HeaderMap,
        rules: &Rules,
    ) -> Result<Answer, Problem> {
        let mut permit = self.budget.admit().map_err(|exhausted| translate::problem(exhausted.into()))?;
        let mut found = None;
        let read = self.reader.read(topic.as_str(), |message| {
            found = Some(message);
            ControlFlow::Break(())
        });
        read.await.map_err(translate::unreadable)?;
        let Some(message) = found else {
            return Err(Problem::new(
                Code::NoRetainedMessage,
                "the broker retains no message for this topic",
            ));
        };
        permit.grow_to(message.length()).map_err(|exhausted| translate::problem(exhausted.into()))?;
        let entity_tag = entity_tag(&message);
        if matches(fields, &entity_tag) {
            return Ok(answer::not_modified(&entity_tag));
        }
        let mut described = vec![
            ("etag", entity_tag),
            ("x-ms-mqtt-topic", topic.to_percent_encoded()),
            ("x-ms-mqtt-qos", qos(&message).to_string()),
            ("x-ms-mqtt-size", message.payload.len().to_string()),
        ];
        described.extend(message.message_expiry_interval.map(|left| ("x-ms-mqtt-expiry", expiry(left))));
        let replied = translate::retained(message, permit, &rules.limits)?;
        Ok(answer::retained(replied, described))
    }

    /// Reads all that the broker retains, and keeps the topics of one page.
    async fn list(&self, page: Page, rules: &Rules) -> Result<Answer, Problem> {
        let mut entries = BTreeMap::new();
        let read = self.reader.read(&page.topic_filter, |message| {
            if page.after.as_ref().is_some_and(|after| message.topic_name <= *after) {
                return ControlFlow::Continue(());
            }
            entries.insert(message.topic_name.clone(), Entry::of(message));
            if entries.len() > page.maximum + 1 {
                entries.pop_last();
            }
            ControlFlow::Continue(())
        });
        read.await.map_err(translate::unreadable)?;
        let has_more = entries.len() > page.maximum;
        if has_more {
            entries.pop_last();
        }
        let last = entries.last_key_value().map(|(topic, _)| topic.as_str());
        let next_link = last.filter(|_| has_more).map(|last| page.next(last).link(rules));
        let list = List { next_link, retained_messages: entries.into_values().collect() };
        // Serializing strings and numbers into a Vec cannot fail.
        Ok(answer::json(serde_json::to_vec(&list).unwrap_or_default()))
    }
}

// === impl Entry ===

impl Entry {
    fn of(message: ReceivedPublish) -> Self {
        Self {
            qos: qos(&message),
            size: message.payload.len(),
            expiry: message.message_expiry_interval.map(expiry),
            topic: message.topic_name,
        }
    }
}

/// The QoS that the message was published with, as far as the broker granted it.
fn qos(message: &ReceivedPublish) -> u8 {
    u8::from(message.packet_identifier.is_some())
}

/// The time in this number of seconds, in RFC 3339.
fn expiry(seconds: u32) -> String {
    let time = SystemTime::now() + Duration::from_secs(u64::from(seconds));
    humantime::format_rfc3339_seconds(time).to_string()
}

/// A strong entity tag (RFC 9110, 8.8.3): the same message has the same one on every bridge. The expiry is not part of it.
fn entity_tag(message: &ReceivedPublish) -> String {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        qos(message).hash(&mut hasher);
        message.payload_format.hash(&mut hasher);
        message.content_type.hash(&mut hasher);
        message.response_topic.hash(&mut hasher);
        message.correlation_data.hash(&mut hasher);
        message.user_properties.hash(&mut hasher);
        message.payload.hash(&mut hasher);
        hasher.finish()
    };
    format!("\"{:016x}{:016x}\"", half(0), half(1))
}

/// Whether If-None-Match names the entity tag. Weak comparison applies (RFC 9110, 13.1.2).
fn matches(fields: &HeaderMap, entity_tag: &str) -> bool {
    let values = fields.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == entity_tag)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn an_entity_tag_is_compared_weakly_with_each_of_if_none_match() {
        let rows: &[(&[&str], bool)] = &[
            (&["\"a\""], true),
            (&["W/\"a\""], true),
            (&["\"b\", \"a\""], true),
            (&["\"b\"", "\"a\""], true),
            (&["*"], true),
            (&["\"b\""], false),
            (&["a"], false),
            (&[], false),
        ];
        for (given, expected) in rows {
            let mut fields = HeaderMap::new();
            for value in *given {
                fields.append(IF_NONE_MATCH, HeaderValue::from_static(value));
            }
            assert_eq!(matches(&fields, "\"a\""), *expected, "{given:?}");
        }
    }
}
