//! The message: everything of an MQTT 5 PUBLISH (MQTT 5.0, 3.3) but its payload.

use crate::field;
use crate::{
    ApiVersion, ContentType, CorrelationData, Limits, Location, MessageExpiryInterval,
    PayloadFormatIndicator, Problem, Purpose, QoS, ResponseTopic, Retain, TopicName, UserProperties,
    Violation,
};

/// A request's meaning. Each part is a type that cannot hold an illegal value, so a `Publish` that exists is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// What it is published to.
    pub topic_name: TopicName<'a>,
    /// What the broker owes.
    pub qos: QoS,
    /// Whether the broker keeps it.
    pub retain: Retain,
    /// Where an answer is expected.
    pub response_topic: Option<ResponseTopic<'a>>,
    /// By which the answer is known again.
    pub correlation_data: Option<CorrelationData>,
    /// The application's own properties.
    pub user_properties: UserProperties,
    /// What the payload is.
    pub content_type: Option<ContentType<'a>>,
    /// How long the broker may keep it for a subscriber; `None` is for ever.
    pub message_expiry_interval: Option<MessageExpiryInterval>,
    /// What the payload's bytes are.
    pub payload_format_indicator: PayloadFormatIndicator,
    /// The version of HTTP Publish that the client named.
    pub api_version: Option<ApiVersion<'a>>,
    /// Whether it is to be sent.
    pub purpose: Purpose,
}

// === impl Publish ===

impl Publish<'_> {
    /// Takes other User Properties, such as an edge has added to; the limit holds for them too.
    ///
    /// # Errors
    /// [`Code::UserPropertiesTooLarge`](crate::Code::UserPropertiesTooLarge).
    pub fn set_user_properties(
        &mut self,
        properties: UserProperties,
        limits: &Limits,
    ) -> Result<(), Problem> {
        properties
            .check_size(limits)
            .map_err(|fault| Violation::new(field::USER_PROPERTIES, Location::Header, fault))?;
        self.user_properties = properties;
        Ok(())
    }
}
