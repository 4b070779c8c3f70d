//! Retained messages (MQTT 5.0, 3.3.1.3), in memory.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use rmqtt::Result;
use rmqtt::context::ServerContext;
use rmqtt::retain::{DefaultRetainStorage, RetainStorage};
use rmqtt::topic::Topic;
use rmqtt::types::{Retain, TopicFilter, TopicName};

/// rmqtt's own store, which does nothing unless it is wrapped.
struct Retained(DefaultRetainStorage);

/// Makes the broker retain messages.
pub(crate) async fn install(context: &ServerContext) {
    *context.extends.retain_mut().await = Box::new(Retained(DefaultRetainStorage::new()));
}

// === impl Retained ===

#[async_trait]
impl RetainStorage for Retained {
    fn enable(&self) -> bool {
        true
    }

    async fn set(&self, topic: &TopicName, message: Retain, expiry: Option<Duration>) -> Result<()> {
        // The listener's zero means that a message does not expire.
        self.0.set_with_timeout(topic, message, expiry.filter(|expiry| !expiry.is_zero())).await
    }

    async fn get(&self, filter: &TopicFilter) -> Result<Vec<(TopicName, Retain)>> {
        let stored = self.0.messages.read().await.matches(&Topic::from_str(filter)?);
        let current = stored.into_iter().filter(|(_, message)| !message.is_expired());
        let current = current.map(|(topic, message)| {
            let left = message.remaining();
            (topic.to_string().into(), with_expiry(message.into_value(), left))
        });
        Ok(current.collect())
    }

    async fn count(&self) -> isize {
        self.0.count().await
    }

    async fn max(&self) -> isize {
        self.0.max().await
    }
}

/// The Message Expiry Interval that a late subscriber gets is what is left of it (MQTT-3.3.2-6), in seconds.
fn with_expiry(mut message: Retain, left: Option<Duration>) -> Retain {
    if let (Some(properties), Some(left)) = (&mut message.publish.properties, left) {
        let seconds = u32::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX);
        properties.message_expiry_interval = NonZeroU32::new(seconds);
    }
    message
}
