//! A message as a subscriber received it.

use rumqttc::v5::mqttbytes::v5::Publish;

/// Everything that an MQTT 5 PUBLISH says, but for what belongs to one hop alone (Packet Identifier, DUP, alias).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The Topic Name.
    pub topic: String,
    /// The QoS of the delivery; subscribers here ask for 1, so it is the QoS of the publish.
    pub qos: u8,
    /// The RETAIN flag as it was published.
    pub retain: bool,
    /// The Response Topic.
    pub response_topic: Option<String>,
    /// The Correlation Data.
    pub correlation_data: Option<Vec<u8>>,
    /// The User Properties in their order.
    pub user_properties: Vec<(String, String)>,
    /// The Content Type.
    pub content_type: Option<String>,
    /// The Message Expiry Interval, or what is left of it.
    pub message_expiry: Option<u32>,
    /// The Payload Format Indicator.
    pub payload_format_indicator: Option<u8>,
    /// The payload.
    pub payload: Vec<u8>,
}

// === impl Message ===

impl Message {
    /// The message of a request that says nothing but this.
    #[must_use]
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        Self { topic: topic.into(), qos: 1, payload: payload.into(), ..Self::default() }
    }

    /// The reply to this message with this payload, as MQTT 5 has it (4.10.1).
    ///
    /// # Panics
    /// Where the message has no Response Topic.
    #[must_use]
    pub fn reply(&self, payload: impl Into<Vec<u8>>) -> Self {
        let topic = self.response_topic.as_ref().expect("a Response Topic");
        Self { correlation_data: self.correlation_data.clone(), ..Self::new(topic, payload) }
    }

    /// The payload as text.
    #[must_use]
    pub fn text(&self) -> String {
        self.payload.escape_ascii().to_string()
    }

    /// The message with its Message Expiry Interval rounded up to `interval`, where no more than a minute of that is
    /// gone: a broker passes on what is left.
    #[must_use]
    pub fn with_expiry_of(mut self, interval: Option<u32>) -> Self {
        if let (Some(left), Some(interval)) = (self.message_expiry, interval)
            && (interval.saturating_sub(60)..=interval).contains(&left)
        {
            self.message_expiry = Some(interval);
        }
        self
    }
}

impl From<Publish> for Message {
    fn from(publish: Publish) -> Self {
        let properties = publish.properties.unwrap_or_default();
        Self {
            topic: String::from_utf8(publish.topic.to_vec()).expect("a Topic Name is UTF-8"),
            qos: publish.qos as u8,
            retain: publish.retain,
            response_topic: properties.response_topic,
            correlation_data: properties.correlation_data.map(Into::into),
            user_properties: properties.user_properties,
            content_type: properties.content_type,
            message_expiry: properties.message_expiry_interval,
            payload_format_indicator: properties.payload_format_indicator,
            payload: publish.payload.into(),
        }
    }
}
