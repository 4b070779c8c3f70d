//! The answer to a dry run: the PUBLISH packet that would be sent, as JSON.

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

use crate::{
    CorrelationData, Ignored, PayloadFormatIndicator, Publish, QoS, RequestId, Retain, UserProperties,
};

/// What is known about a request besides its message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decision<'a> {
    /// The client id.
    pub client_id: Option<&'a str>,
    /// The permission binding that permits it.
    pub permitted_by: Option<&'a str>,
    /// The upstream cluster that it would be sent to.
    pub cluster: Option<&'a str>,
    /// The parameters that are ignored: [`RequestHead::ignored`](crate::RequestHead::ignored).
    pub ignored: &'a [Ignored],
}

/// The answer to a dry run, kept until the size of the payload is known. The members are in the order in which they are
/// written.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    publish: Packet,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permitted_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<Ignored>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Packet {
    topic_name: String,
    qos: u8,
    retain: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_data: Option<String>,
    #[serde(serialize_with = "pairs", skip_serializing_if = "UserProperties::is_empty")]
    user_properties: UserProperties,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_expiry_interval: Option<u32>,
    payload_format_indicator: u8,
    payload_bytes: u64,
}

// === impl Publish ===

impl Publish<'_> {
    /// The answer to a dry run of this message, without the size of its payload.
    #[must_use]
    pub fn dry_run(&self, decision: Decision<'_>, request_id: Option<RequestId<'_>>) -> DryRun {
        DryRun {
            dry_run: true,
            request_id: request_id.map(|id| id.as_str().to_owned()),
            publish: Packet {
                topic_name: self.topic_name.as_str().to_owned(),
                qos: u8::from(self.qos == QoS::AtLeastOnce),
                retain: self.retain == Retain::Store,
                response_topic: self.response_topic.as_ref().map(|topic| topic.as_str().to_owned()),
                correlation_data: self.correlation_data.as_ref().map(CorrelationData::to_base64),
                user_properties: self.user_properties.clone(),
                content_type: self.content_type.as_ref().map(|text| text.as_str().to_owned()),
                message_expiry_interval: self.message_expiry_interval.map(|interval| interval.seconds()),
                payload_format_indicator: u8::from(
                    self.payload_format_indicator == PayloadFormatIndicator::Utf8,
                ),
                payload_bytes: 0,
            },
            idempotency_key: self.idempotency_key.as_ref().map(|key| key.as_str().to_owned()),
            prefer: self.wait.map(|wait| wait.to_string()),
            client_id: decision.client_id.map(str::to_owned),
            permitted_by: decision.permitted_by.map(str::to_owned),
            cluster: decision.cluster.map(str::to_owned),
            ignored: decision.ignored.to_vec(),
        }
    }

    /// The answer to a dry run of this message with a payload of `payload_bytes`.
    #[must_use]
    pub fn to_dry_run_json(
        &self,
        payload_bytes: u64,
        decision: Decision<'_>,
        request_id: Option<RequestId<'_>>,
    ) -> Vec<u8> {
        self.dry_run(decision, request_id).into_json(payload_bytes)
    }
}

// === impl DryRun ===

impl DryRun {
    /// The answer, for a payload of `payload_bytes`.
    #[must_use]
    pub fn into_json(mut self, payload_bytes: u64) -> Vec<u8> {
        self.publish.payload_bytes = payload_bytes;
        // Serializing strings and numbers into a Vec cannot fail.
        serde_json::to_vec(&self).unwrap_or_default()
    }
}

/// Writes arrays of name and value. An object would lose the order and repeated names.
fn pairs<S: Serializer>(properties: &UserProperties, serializer: S) -> Result<S::Ok, S::Error> {
    let mut pairs = serializer.serialize_seq(Some(properties.len()))?;
    for (name, value) in properties.iter() {
        pairs.serialize_element(&[name, value])?;
    }
    pairs.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RequestHead, Rules, read};
    use serde_json::{Value, json};

    #[test]
    fn a_dry_run_shows_the_publish_that_would_be_sent() {
        let rules = Rules::default();
        let head = RequestHead::from_fields([
            (&b":method"[..], &b"POST"[..]),
            (b":path", b"/mqtt/messages?topic=a%2Fb&retain=1&dry-run=1&qso=0"),
            (b"mqtt-correlation-data", b"-_8"),
            (b"mqtt-user-properties", br#"[{"b":"1","a":"2"},{"b":"1"}]"#),
            (b"mqtt-response-topic", b"c"),
            (b"mqtt-message-expiry", b"60"),
            (b"content-type", b"text/plain"),
            (b"mqtt-payload-format-indicator", b"1"),
            (b"mqtt-expiry", b"60"),
            (b"mqtt-priority", b"7"),
            (b"prefer", b"wait=5, respond-async"),
        ]);
        let publish = read(&head, &rules).unwrap();
        assert_eq!(publish.purpose, crate::Purpose::DryRun);
        let decision = Decision { client_id: Some("me"), ignored: &head.ignored(), ..Decision::default() };
        let document: Value =
            serde_json::from_slice(&publish.to_dry_run_json(5, decision, RequestId::new(b"id-1"))).unwrap();
        assert_eq!(
            document,
            json!({
                "dryRun": true,
                "requestId": "id-1",
                "publish": {
                    "topicName": "a/b", "qos": 1, "retain": true, "responseTopic": "c",
                    "correlationData": "+/8=", "userProperties": [["b", "1"], ["a", "2"], ["b", "1"]],
                    "contentType": "text/plain", "messageExpiryInterval": 60, "payloadFormatIndicator": 1,
                    "payloadBytes": 5,
                },
                "prefer": "respond-async, wait=5",
                "clientId": "me",
                "ignored": [
                    { "parameter": "qso", "in": "query", "meant": { "parameter": "qos", "in": "query" } },
                    {
                        "parameter": "mqtt-expiry", "in": "header",
                        "meant": { "parameter": "mqtt-message-expiry", "in": "header" },
                    },
                    { "parameter": "mqtt-priority", "in": "header" },
                ],
            })
        );
    }

    #[test]
    fn a_dry_run_shows_the_idempotency_key() {
        let rules = Rules::default();
        let head = RequestHead::from_fields([
            (&b":method"[..], &b"POST"[..]),
            (b":path", b"/mqtt/messages?topic=a"),
            (b"idempotency-key", b"\"k-1\""),
        ]);
        let document = read(&head, &rules).unwrap().to_dry_run_json(0, Decision::default(), None);
        let document: Value = serde_json::from_slice(&document).unwrap();
        assert_eq!(document["idempotencyKey"], "k-1");
    }

    #[test]
    fn properties_that_a_message_does_not_have_are_left_out() {
        let rules = Rules::default();
        let head = RequestHead::from_fields([
            (&b":method"[..], &b"POST"[..]),
            (b":path", b"/mqtt/messages?topic=a"),
        ]);
        let document = read(&head, &rules).unwrap().to_dry_run_json(0, Decision::default(), None);
        let document: Value = serde_json::from_slice(&document).unwrap();
        let packet = json!({
            "topicName": "a", "qos": 1, "retain": false, "payloadFormatIndicator": 0, "payloadBytes": 0,
        });
        assert_eq!(document, json!({ "dryRun": true, "publish": packet }));
    }
}
