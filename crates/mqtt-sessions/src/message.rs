//! A message to publish: the fields of a PUBLISH that an application chooses (MQTT 5.0, 3.3).

use bytes::Bytes;

/// A message. Its fields are borrowed; the payload is shared, not copied.
///
/// The fields are sent as they are. The caller makes sure that the topics are valid Topic Names and that strings hold no
/// U+0000 (MQTT 5.0, 1.5.4 and 4.7); a broker may close the connection otherwise.
///
/// ```
/// use mqtt_sessions::{Message, QoS};
///
/// let message = Message { qos: QoS::AtMostOnce, ..Message::new("pumps/7/state", "on") };
/// assert_eq!(message.payload.len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// The Topic Name, at most 65,535 bytes.
    pub topic_name: &'a str,
    /// The Quality of Service.
    pub qos: QoS,
    /// Whether the broker keeps the message for later subscribers.
    pub retain: Retain,
    /// Whether the payload is declared to be UTF-8.
    pub payload_format: PayloadFormat,
    /// The Message Expiry Interval in seconds. `None`: the message does not expire.
    pub message_expiry_interval: Option<u32>,
    /// The Content Type, at most 65,535 bytes.
    pub content_type: Option<&'a str>,
    /// The Response Topic, at most 65,535 bytes.
    pub response_topic: Option<&'a str>,
    /// The Correlation Data, at most 65,535 bytes.
    pub correlation_data: Option<&'a [u8]>,
    /// The User Properties in order, each name and value at most 65,535 bytes. A name may repeat.
    pub user_properties: Vec<(&'a str, &'a str)>,
    /// The Application Message.
    pub payload: Bytes,
}

/// Quality of Service (MQTT 5.0, 4.3). This publisher supports 0 and 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum QoS {
    /// The message is sent once, and the broker does not acknowledge it.
    AtMostOnce,
    /// The message is sent until the broker acknowledges it with a PUBACK.
    #[default]
    AtLeastOnce,
}

/// The RETAIN flag (MQTT 5.0, 3.3.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Retain {
    /// The message goes to current subscribers only.
    #[default]
    No,
    /// The broker keeps the message as the topic's retained message.
    Store,
}

/// The Payload Format Indicator (MQTT 5.0, 3.3.2.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PayloadFormat {
    /// 0: unspecified bytes.
    #[default]
    Bytes,
    /// 1: UTF-8. The publisher does not check it.
    Utf8,
}

// === impl Message ===

impl<'a> Message<'a> {
    /// A message of QoS 1 without properties.
    pub fn new(topic_name: &'a str, payload: impl Into<Bytes>) -> Self {
        Self {
            topic_name,
            qos: QoS::default(),
            retain: Retain::default(),
            payload_format: PayloadFormat::default(),
            message_expiry_interval: None,
            content_type: None,
            response_topic: None,
            correlation_data: None,
            user_properties: Vec::new(),
            payload: payload.into(),
        }
    }
}
