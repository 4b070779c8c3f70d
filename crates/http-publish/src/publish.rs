//! The message: the parts of a PUBLISH packet (MQTT 5.0, 3.3) without its payload.

use crate::field;
use crate::{
    ApiVersion, ContentType, CorrelationData, IdempotencyKey, Limits, Location, MessageExpiryInterval,
    PayloadFormatIndicator, Problem, Purpose, QoS, ResponseTopic, Retain, TopicName, UserProperties,
    Violation, Wait,
};

/// A valid message. Each part has a type that cannot hold an invalid value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// The Topic Name.
    pub topic_name: TopicName<'a>,
    /// The QoS.
    pub qos: QoS,
    /// The RETAIN flag.
    pub retain: Retain,
    /// The topic for responses.
    pub response_topic: Option<ResponseTopic<'a>>,
    /// The data that relates a response to this message.
    pub correlation_data: Option<CorrelationData>,
    /// The User Properties of the application.
    pub user_properties: UserProperties,
    /// The type of the payload.
    pub content_type: Option<ContentType<'a>>,
    /// The time for which the broker may keep the message for a subscriber; `None` is without limit.
    pub message_expiry_interval: Option<MessageExpiryInterval>,
    /// The format of the payload.
    pub payload_format_indicator: PayloadFormatIndicator,
    /// What tells a repeat of this request from another one. It is no part of the packet.
    pub idempotency_key: Option<IdempotencyKey<'a>>,
    /// The version of HTTP Publish that the client named.
    pub api_version: Option<ApiVersion<'a>>,
    /// Whether the message is published or only shown.
    pub purpose: Purpose,
    /// The wait for a reply, if the request prefers one.
    pub wait: Option<Wait>,
}

// === impl Publish ===

impl Publish<'_> {
    /// Replaces the User Properties, for example by those with an edge's additions.
    ///
    /// # Errors
    /// Returns [`Code::UserPropertiesTooLarge`](crate::Code::UserPropertiesTooLarge) if they are over the limit.
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
