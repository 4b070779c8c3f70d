//! From HTTP Publish's message to the publisher's.

use bytes::Bytes;
use http_publish::{PayloadFormatIndicator, Publish, QoS, Retain};
use mqtt_sessions::{Message, PayloadFormat};

/// The MQTT message that a request means.
#[must_use]
pub fn message<'a>(publish: &'a Publish<'a>, payload: Bytes) -> Message<'a> {
    Message {
        topic_name: publish.topic_name.as_str(),
        qos: match publish.qos {
            QoS::AtMostOnce => mqtt_sessions::QoS::AtMostOnce,
            QoS::AtLeastOnce => mqtt_sessions::QoS::AtLeastOnce,
        },
        retain: match publish.retain {
            Retain::No => mqtt_sessions::Retain::No,
            Retain::Store => mqtt_sessions::Retain::Store,
        },
        payload_format: match publish.payload_format_indicator {
            PayloadFormatIndicator::UnspecifiedBytes => PayloadFormat::Bytes,
            PayloadFormatIndicator::Utf8 => PayloadFormat::Utf8,
        },
        message_expiry_interval: publish.message_expiry_interval.map(|interval| interval.seconds()),
        content_type: publish.content_type.as_ref().map(|content_type| content_type.as_str()),
        response_topic: publish.response_topic.as_ref().map(|topic| topic.as_str()),
        correlation_data: publish.correlation_data.as_ref().map(|data| data.as_bytes()),
        user_properties: publish.user_properties.iter().collect(),
        payload,
    }
}
