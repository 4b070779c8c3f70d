//! PUBLISH (MQTT 5.0, 3.3), encoded once by whoever has the message and written as often as the connection needs it.

use bytes::Bytes;
use http_publish::{PayloadFormatIndicator, Publish, QoS, Retain};

use super::TooLong;
use super::puback::PacketIdentifier;
use super::writer::{
    put_binary, put_binary_property, put_four_byte_property, put_variable_byte_integer,
    variable_byte_integer_length,
};

/// A PUBLISH that lacks its Packet Identifier, which is the connection's to give.
///
/// It is kept until the broker has acknowledged it, so that it can be sent again.
#[derive(Clone, Debug)]
pub struct EncodedPublish {
    /// Fixed header, Topic Name, room for the Packet Identifier, properties.
    head: Vec<u8>,
    /// Where in `head` the Packet Identifier goes; QoS 0 has none.
    packet_identifier_at: Option<usize>,
    payload: Bytes,
    retain: Retain,
}

const PUBLISH: u8 = 0x30;
const DUP: u8 = 0b1000;
const QOS_1: u8 = 0b0010;
const RETAIN: u8 = 0b0001;

const PAYLOAD_FORMAT_INDICATOR: u8 = 0x01;
const MESSAGE_EXPIRY_INTERVAL: u8 = 0x02;
const CONTENT_TYPE: u8 = 0x03;
const RESPONSE_TOPIC: u8 = 0x08;
const CORRELATION_DATA: u8 = 0x09;
const USER_PROPERTY: u8 = 0x26;

// === impl EncodedPublish ===

impl EncodedPublish {
    /// Encodes a message and its payload, which is not copied.
    ///
    /// # Errors
    ///
    /// A field or the packet is longer than MQTT can say.
    pub fn new(publish: &Publish<'_>, payload: Bytes) -> Result<Self, TooLong> {
        let properties = properties(publish)?;
        let topic_name = publish.topic_name.as_str();
        let identifier_length = match publish.qos {
            QoS::AtMostOnce => 0,
            QoS::AtLeastOnce => 2,
        };
        let head_length = 2
            + topic_name.len()
            + identifier_length
            + variable_byte_integer_length(properties.len())
            + properties.len();
        let remaining_length = head_length + payload.len();

        let mut head = Vec::with_capacity(head_length + 5);
        head.push(first_byte(publish));
        put_variable_byte_integer(&mut head, remaining_length)?;
        put_binary(&mut head, topic_name.as_bytes())?;
        let packet_identifier_at = match publish.qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce => {
                let at = head.len();
                head.extend_from_slice(&[0, 0]);
                Some(at)
            }
        };
        put_variable_byte_integer(&mut head, properties.len())?;
        head.extend_from_slice(&properties);
        Ok(Self { head, packet_identifier_at, payload, retain: publish.retain })
    }

    /// The whole packet's length in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.head.len() + self.payload.len()
    }

    /// The message's QoS.
    #[must_use]
    pub const fn qos(&self) -> QoS {
        match self.packet_identifier_at {
            None => QoS::AtMostOnce,
            Some(_) => QoS::AtLeastOnce,
        }
    }

    /// Whether the broker is to keep the message.
    #[must_use]
    pub const fn retain(&self) -> Retain {
        self.retain
    }

    /// The payload, which comes last on the wire.
    #[must_use]
    pub const fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Everything before the payload.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Gives the message the identifier under which its PUBACK will come. QoS 0 has none and stays as it is.
    pub fn identify(&mut self, packet_identifier: PacketIdentifier) {
        if let Some(room) = self.packet_identifier_at.and_then(|at| self.head.get_mut(at..at + 2)) {
            room.copy_from_slice(&packet_identifier.get().to_be_bytes());
        }
    }

    /// Sets DUP: it has been sent before, on an earlier connection of the session (3.3.1.1). QoS 0 has no DUP.
    pub fn mark_duplicate(&mut self) {
        if let (Some(_), Some(first)) = (self.packet_identifier_at, self.head.first_mut()) {
            *first |= DUP;
        }
    }
}

const fn first_byte(publish: &Publish<'_>) -> u8 {
    let qos = match publish.qos {
        QoS::AtMostOnce => 0,
        QoS::AtLeastOnce => QOS_1,
    };
    let retain = match publish.retain {
        Retain::No => 0,
        Retain::Store => RETAIN,
    };
    PUBLISH | qos | retain
}

fn properties(publish: &Publish<'_>) -> Result<Vec<u8>, TooLong> {
    let mut out = Vec::new();
    match publish.payload_format_indicator {
        PayloadFormatIndicator::UnspecifiedBytes => {}
        PayloadFormatIndicator::Utf8 => out.extend_from_slice(&[PAYLOAD_FORMAT_INDICATOR, 1]),
    }
    if let Some(interval) = publish.message_expiry_interval {
        put_four_byte_property(&mut out, MESSAGE_EXPIRY_INTERVAL, interval.seconds());
    }
    if let Some(content_type) = &publish.content_type {
        put_binary_property(&mut out, CONTENT_TYPE, content_type.as_str().as_bytes())?;
    }
    if let Some(response_topic) = &publish.response_topic {
        put_binary_property(&mut out, RESPONSE_TOPIC, response_topic.as_str().as_bytes())?;
    }
    if let Some(correlation_data) = &publish.correlation_data {
        put_binary_property(&mut out, CORRELATION_DATA, correlation_data.as_bytes())?;
    }
    for (name, value) in publish.user_properties.iter() {
        put_binary_property(&mut out, USER_PROPERTY, name.as_bytes())?;
        put_binary(&mut out, value.as_bytes())?;
    }
    Ok(out)
}
