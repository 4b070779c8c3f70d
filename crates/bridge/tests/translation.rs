//! From a request to the bytes of its PUBLISH, read back by rumqttc's codec.

use bytes::{Bytes, BytesMut};
use http_publish::{RequestHead, Rules, read};
use mqtt_sessions::codec::puback::PacketIdentifier;
use mqtt_sessions::codec::publish::EncodedPublish;
use postmqtt_bridge::translate::message;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;

/// Text that both MQTT and a header field allow.
fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 ./;=-]{1,40}".prop_map(|text| text.trim().to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_field_of_a_request_is_in_its_publish(
        topic in "[a-z0-9/]{1,20}",
        qos in 0u8..=1,
        retain in 0u8..=1,
        payload in vec(any::<u8>(), 0..300),
        content_type in option::of(text().prop_filter("not empty", |text| !text.is_empty())),
        response_topic in option::of("[a-z0-9/]{1,20}"),
        correlation_data in option::of("[a-zA-Z0-9]{4}"),
        expiry in option::of(1u32..),
        format in 0u8..=1,
        user_properties in vec(("[a-z]{0,9}", "[a-z]{0,9}"), 0..20),
    ) {
        let path = format!("/mqtt/messages?topic={topic}&qos={qos}&retain={retain}");
        let mut fields = vec![(":method", "POST".to_owned()), (":path", path)];
        fields.push(("mqtt-payload-format-indicator", format.to_string()));
        fields.extend(content_type.iter().map(|text| ("content-type", text.clone())));
        fields.extend(response_topic.iter().map(|text| ("mqtt-response-topic", text.clone())));
        fields.extend(correlation_data.iter().map(|text| ("mqtt-correlation-data", text.clone())));
        fields.extend(expiry.iter().map(|seconds| ("mqtt-message-expiry", seconds.to_string())));
        if !user_properties.is_empty() {
            let pairs: Vec<_> =
                user_properties.iter().map(|(name, value)| format!("{{\"{name}\":\"{value}\"}}")).collect();
            fields.push(("mqtt-user-properties", format!("[{}]", pairs.join(","))));
        }
        let head = RequestHead::from_fields(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let rules = Rules::default();
        let publish = read(&head, &rules).map_err(|problem| TestCaseError::fail(problem.detail().to_owned()))?;
        let correlation = publish.correlation_data.as_ref().map(|data| data.as_bytes().to_vec());

        let mut packet = EncodedPublish::new(&message(&publish, Bytes::from(payload.clone()))).unwrap();
        packet.set_packet_identifier(PacketIdentifier::MIN);
        let mut bytes = BytesMut::from([packet.head(), packet.payload()].concat().as_slice());
        let Ok(Packet::Publish(read)) = Packet::read(&mut bytes, None) else {
            return Err(TestCaseError::fail("a PUBLISH"));
        };
        prop_assert_eq!(&read.topic[..], topic.as_bytes());
        prop_assert_eq!(read.qos == QoS::AtLeastOnce, qos == 1);
        prop_assert_eq!(read.retain, retain == 1);
        prop_assert_eq!(&read.payload[..], &payload[..]);
        let properties = read.properties.unwrap_or_default();
        prop_assert_eq!(properties.payload_format_indicator, (format == 1).then_some(1));
        prop_assert_eq!(properties.message_expiry_interval, expiry);
        prop_assert_eq!(properties.content_type, content_type);
        prop_assert_eq!(properties.response_topic, response_topic);
        prop_assert_eq!(properties.correlation_data.map(|data| data.to_vec()), correlation);
        prop_assert_eq!(properties.user_properties, user_properties);
    }
}
