//! PUBLISH (MQTT 5.0, 3.3), encoded once by the publisher's task and written as often as the session needs it.

use std::ops::Range;

use bytes::Bytes;

use super::error::TooLong;
use super::property::PropertyIdentifier;
use super::puback::PacketIdentifier;
use super::writer::{
    FOUR_BYTE_PROPERTY_LENGTH, binary_length, binary_property_length, put_binary, put_binary_property,
    put_four_byte_property, put_variable_byte_integer, variable_byte_integer_length,
};
use crate::message::{Message, PayloadFormat, QoS, Retain};

/// A PUBLISH without its Packet Identifier, which the session assigns.
///
/// It is kept until the broker acknowledges it, so that it can be sent again.
#[derive(Clone, Debug)]
pub struct EncodedPublish {
    /// Fixed header, Topic Name, room for the Packet Identifier, properties.
    head: Vec<u8>,
    /// The place of the Topic Name in `head`.
    topic_name: Range<usize>,
    /// The position of the Packet Identifier in `head`. A PUBLISH of QoS 0 has none.
    packet_identifier_at: Option<usize>,
    payload: Bytes,
    retain: Retain,
}

const PUBLISH: u8 = 0x30;
const DUP: u8 = 0b1000;
const QOS_1: u8 = 0b0010;
const RETAIN: u8 = 0b0001;

/// The length of the Payload Format Indicator property.
const PAYLOAD_FORMAT_LENGTH: usize = 2;

// === impl EncodedPublish ===

impl EncodedPublish {
    /// Encodes a message. The payload is shared, not copied.
    ///
    /// # Errors
    ///
    /// Returns an error if a field has more than 65,535 bytes, or the packet more than 268,435,455 after its fixed header.
    pub fn new(message: &Message<'_>) -> Result<Self, TooLong> {
        let topic_name = message.topic_name.as_bytes();
        let properties_length = properties_length(message);
        let packet_identifier_length = match message.qos {
            QoS::AtMostOnce => 0,
            QoS::AtLeastOnce => 2,
        };
        let variable_header_length = binary_length(topic_name)
            + packet_identifier_length
            + variable_byte_integer_length(properties_length)
            + properties_length;
        let remaining_length = variable_header_length + message.payload.len();
        let head_length = 1 + variable_byte_integer_length(remaining_length) + variable_header_length;

        let mut head = Vec::with_capacity(head_length);
        head.push(first_byte(message));
        put_variable_byte_integer(&mut head, remaining_length)?;
        put_binary(&mut head, topic_name)?;
        let topic_name = head.len() - topic_name.len()..head.len();
        let packet_identifier_at = match message.qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce => {
                let at = head.len();
                head.extend_from_slice(&[0, 0]);
                Some(at)
            }
        };
        put_variable_byte_integer(&mut head, properties_length)?;
        put_properties(&mut head, message)?;
        let (payload, retain) = (message.payload.clone(), message.retain);
        Ok(Self { head, topic_name, packet_identifier_at, payload, retain })
    }

    /// The length of the whole packet in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.head.len() + self.payload.len()
    }

    /// The Topic Name.
    #[must_use]
    pub fn topic_name(&self) -> &[u8] {
        self.head.get(self.topic_name.clone()).unwrap_or_default()
    }

    /// The Quality of Service.
    #[must_use]
    pub const fn qos(&self) -> QoS {
        match self.packet_identifier_at {
            None => QoS::AtMostOnce,
            Some(_) => QoS::AtLeastOnce,
        }
    }

    /// The RETAIN flag.
    #[must_use]
    pub const fn retain(&self) -> Retain {
        self.retain
    }

    /// The payload, which is the end of the packet.
    #[must_use]
    pub const fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The packet up to the payload.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Sets the Packet Identifier. Does nothing for QoS 0, which has none.
    pub fn set_packet_identifier(&mut self, packet_identifier: PacketIdentifier) {
        if let Some(room) = self.packet_identifier_at.and_then(|at| self.head.get_mut(at..at + 2)) {
            room.copy_from_slice(&packet_identifier.get().to_be_bytes());
        }
    }

    /// Sets DUP: the message was sent before, on an earlier connection of the session (3.3.1.1). Does nothing for QoS 0.
    pub fn mark_duplicate(&mut self) {
        if let (Some(_), Some(first)) = (self.packet_identifier_at, self.head.first_mut()) {
            *first |= DUP;
        }
    }
}

const fn first_byte(message: &Message<'_>) -> u8 {
    let qos = match message.qos {
        QoS::AtMostOnce => 0,
        QoS::AtLeastOnce => QOS_1,
    };
    let retain = match message.retain {
        Retain::No => 0,
        Retain::Store => RETAIN,
    };
    PUBLISH | qos | retain
}

/// How many bytes [`put_properties`] appends.
fn properties_length(message: &Message<'_>) -> usize {
    let payload_format = match message.payload_format {
        PayloadFormat::Bytes => 0,
        PayloadFormat::Utf8 => PAYLOAD_FORMAT_LENGTH,
    };
    let message_expiry_interval = message.message_expiry_interval.map_or(0, |_| FOUR_BYTE_PROPERTY_LENGTH);
    let optional = [
        message.content_type.map(str::as_bytes),
        message.response_topic.map(str::as_bytes),
        message.correlation_data,
    ];
    let optional: usize = optional.into_iter().flatten().map(binary_property_length).sum();
    let pair = |(name, value): &(&str, &str)| {
        binary_property_length(name.as_bytes()) + binary_length(value.as_bytes())
    };
    let user_properties: usize = message.user_properties.iter().map(pair).sum();
    payload_format + message_expiry_interval + optional + user_properties
}

fn put_properties(out: &mut Vec<u8>, message: &Message<'_>) -> Result<(), TooLong> {
    match message.payload_format {
        PayloadFormat::Bytes => {}
        PayloadFormat::Utf8 => {
            out.extend_from_slice(&[PropertyIdentifier::PayloadFormatIndicator.identifier(), 1])
        }
    }
    if let Some(seconds) = message.message_expiry_interval {
        put_four_byte_property(out, PropertyIdentifier::MessageExpiryInterval, seconds);
    }
    if let Some(content_type) = message.content_type {
        put_binary_property(out, PropertyIdentifier::ContentType, content_type.as_bytes())?;
    }
    if let Some(response_topic) = message.response_topic {
        put_binary_property(out, PropertyIdentifier::ResponseTopic, response_topic.as_bytes())?;
    }
    if let Some(correlation_data) = message.correlation_data {
        put_binary_property(out, PropertyIdentifier::CorrelationData, correlation_data)?;
    }
    for (name, value) in &message.user_properties {
        put_binary_property(out, PropertyIdentifier::UserProperty, name.as_bytes())?;
        put_binary(out, value.as_bytes())?;
    }
    Ok(())
}
