//! The normal form of a line.

use serde::Serialize;

use super::Line;
use crate::{MessageExpiryInterval, PayloadFormatIndicator, QoS, Retain, base64};

/// The members of a line, in the order in which they are written. Those that are `None` are left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qos: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retain: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_properties: Option<Vec<(&'a str, &'a str)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_expiry_interval: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_format_indicator: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
}

/// Whether a line names its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    /// It does.
    InLine,
    /// The query names the topic of all lines.
    InQuery,
}

/// Appends the line and a line break.
pub(super) fn write(line: &Line<'_>, topic: Topic, out: &mut Vec<u8>) {
    let Line { publish, payload } = line;
    let text = std::str::from_utf8(payload);
    let members = Members {
        topic: (topic == Topic::InLine).then(|| publish.topic_name.as_str()),
        qos: (publish.qos == QoS::AtMostOnce).then_some(0),
        retain: (publish.retain == Retain::Store).then_some(true),
        response_topic: publish.response_topic.as_ref().map(|topic| topic.as_str()),
        correlation_data: publish.correlation_data.as_ref().map(|data| data.to_base64()),
        user_properties: (!publish.user_properties.is_empty())
            .then(|| publish.user_properties.iter().collect()),
        content_type: publish.content_type.as_ref().map(|content_type| content_type.as_str()),
        message_expiry_interval: publish.message_expiry_interval.map(MessageExpiryInterval::seconds),
        payload_format_indicator: (publish.payload_format_indicator == PayloadFormatIndicator::Utf8)
            .then_some(1),
        payload: text.ok().filter(|text| !text.is_empty()),
        payload_base64: text.is_err().then(|| {
            let mut encoded = String::new();
            base64::encode_into(payload, &mut encoded);
            encoded
        }),
    };
    // Serializing strings and numbers into a Vec cannot fail.
    let _ = serde_json::to_writer(&mut *out, &members);
    out.push(b'\n');
}
