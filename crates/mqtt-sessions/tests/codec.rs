//! The codec against rumqttc's, and against random bytes.

use std::num::NonZeroU16;

use bytes::{Bytes, BytesMut};
use mqtt_sessions::codec::connect::{Connect, Start};
use mqtt_sessions::codec::puback::PacketIdentifier;
use mqtt_sessions::codec::publish::EncodedPublish;
use mqtt_sessions::codec::received::encode_puback;
use mqtt_sessions::codec::subscribe::{
    RetainHandling, Subscription, SubscriptionIdentifier, encode_unsubscribe,
};
use mqtt_sessions::codec::{DecodeError, Decoded, Incoming, TooLong, decode};
use mqtt_sessions::{Message, PayloadFormat, QoS, Retain};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rumqttc::v5::mqttbytes::QoS as ReadQoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnAckProperties, ConnectReturnCode, Packet, PubAck, PubAckProperties, PubAckReason, Publish,
    PublishProperties, RetainForwardRule, SubAck, SubAckProperties, SubscribeReasonCode,
};

const MAXIMUM: usize = 64 * 1024;

/// Text that MQTT allows.
fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 ./;=äß€-]{1,40}"
}

fn written(packet: &Packet) -> BytesMut {
    let mut bytes = BytesMut::new();
    packet.write(&mut bytes, None).unwrap();
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(Some(decoded)) = decode(&bytes, MAXIMUM) {
            prop_assert!(decoded.length <= bytes.len());
        }
    }

    /// Random bytes seldom get past the fixed header. Here they are the bodies of packets that a client receives.
    #[test]
    fn no_body_makes_the_decoder_panic(
        first in prop::sample::select(vec![0x20u8, 0x30, 0x33, 0x40, 0x90, 0xB0, 0xD0, 0xE0]),
        body in vec(prop_oneof![any::<u8>(), prop::sample::select(vec![0u8, 1, 2, 0x1F, 0x21, 0x24, 0x26, 0x27])], 0..100),
    ) {
        let mut bytes = vec![first, u8::try_from(body.len()).unwrap()];
        bytes.extend_from_slice(&body);
        match decode(&bytes, MAXIMUM) {
            Ok(Some(decoded)) => prop_assert_eq!(decoded.length, bytes.len()),
            Ok(None) => prop_assert!(false, "the packet is complete"),
            Err(_) => {}
        }
    }

    #[test]
    fn a_packet_over_the_announced_maximum_is_an_error(length in 0usize..200_000, maximum in 0usize..200_000) {
        let mut bytes = BytesMut::new();
        let mut rest = length;
        bytes.extend_from_slice(&[0x40]);
        loop {
            let low = u8::try_from(rest & 0x7F).unwrap();
            rest >>= 7;
            bytes.extend_from_slice(&[if rest > 0 { low | 0x80 } else { low }]);
            if rest == 0 {
                break;
            }
        }
        let actual = bytes.len() + length;
        let decoded = decode(&bytes, maximum);
        if actual > maximum {
            prop_assert_eq!(decoded, Err(DecodeError::TooLarge { actual, maximum }));
        } else if length > 0 {
            prop_assert_eq!(decoded, Ok(None));
        }
    }

    #[test]
    fn a_puback_of_rumqttc_is_decoded(
        pkid in 1u16..,
        reason in prop::sample::select(vec![
            (PubAckReason::Success, 0x00), (PubAckReason::NoMatchingSubscribers, 0x10),
            (PubAckReason::UnspecifiedError, 0x80), (PubAckReason::NotAuthorized, 0x87),
            (PubAckReason::QuotaExceeded, 0x97),
        ]),
        reason_string in option::of(text()),
        user_properties in vec((text(), text()), 0..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let properties = PubAckProperties { reason_string: reason_string.clone(), user_properties };
        let bytes = written(&Packet::PubAck(PubAck { pkid, reason: reason.0, properties: Some(properties) }));
        prop_assert_eq!(decode(&bytes[..cut.index(bytes.len())], MAXIMUM), Ok(None));
        let Ok(Some(Decoded { packet: Incoming::PubAck(puback), length })) = decode(&bytes, MAXIMUM) else {
            return Err(TestCaseError::fail("a PUBACK"));
        };
        prop_assert_eq!(length, bytes.len());
        prop_assert_eq!(puback.packet_identifier.get(), pkid);
        prop_assert_eq!(puback.reason.reason_code.0, reason.1);
        prop_assert_eq!(puback.reason.reason_string, reason_string);
    }

    #[test]
    fn a_connack_of_rumqttc_is_decoded(
        session_present in any::<bool>(),
        receive_max in option::of(1u16..),
        max_packet_size in option::of(1u32..),
        max_qos in option::of(0u8..=1),
        retain_available in option::of(0u8..=1),
        server_keep_alive in option::of(any::<u16>()),
        assigned_client_identifier in option::of(text()),
        reason_string in option::of(text()),
        user_properties in vec((text(), text()), 0..5),
    ) {
        let properties = ConnAckProperties {
            session_expiry_interval: Some(1), receive_max, max_qos, retain_available, max_packet_size,
            assigned_client_identifier: assigned_client_identifier.clone(), topic_alias_max: Some(1),
            reason_string: reason_string.clone(), user_properties, wildcard_subscription_available: Some(1),
            subscription_identifiers_available: Some(1), shared_subscription_available: Some(0),
            server_keep_alive, response_information: Some("r".into()), server_reference: Some("s".into()),
            authentication_method: Some("m".into()), authentication_data: Some(Bytes::from_static(b"d")),
        };
        let connack = ConnAck { session_present, code: ConnectReturnCode::Success, properties: Some(properties) };
        let bytes = written(&Packet::ConnAck(connack));
        let Ok(Some(Decoded { packet: Incoming::ConnAck(read), .. })) = decode(&bytes, MAXIMUM) else {
            return Err(TestCaseError::fail("a CONNACK"));
        };
        prop_assert_eq!(read.limits.receive_maximum.get(), receive_max.unwrap_or(65_535));
        prop_assert_eq!(read.limits.maximum_packet_size.map(|size| size.get()), max_packet_size);
        prop_assert_eq!(read.limits.maximum_qos == QoS::AtMostOnce, max_qos == Some(0));
        prop_assert_eq!(read.server_keep_alive, server_keep_alive);
        prop_assert_eq!(read.assigned_client_identifier, assigned_client_identifier);
        prop_assert_eq!(read.reason.reason_string, reason_string);
    }

    #[test]
    fn rumqttc_reads_back_every_field_of_a_publish(
        topic in "[a-zäß€0-9/]{1,200}",
        at_least_once in any::<bool>(),
        store in any::<bool>(),
        identifier in 1u16..,
        payload in vec(any::<u8>(), 0..20_000),
        content_type in option::of(text()),
        response_topic in option::of("[a-z0-9/]{1,20}"),
        correlation_data in option::of(vec(any::<u8>(), 0..200)),
        message_expiry_interval in option::of(any::<u32>()),
        utf8 in any::<bool>(),
        user_properties in vec((text(), text()), 0..20),
    ) {
        let message = Message {
            qos: if at_least_once { QoS::AtLeastOnce } else { QoS::AtMostOnce },
            retain: if store { Retain::Store } else { Retain::No },
            payload_format: if utf8 { PayloadFormat::Utf8 } else { PayloadFormat::Bytes },
            message_expiry_interval,
            content_type: content_type.as_deref(),
            response_topic: response_topic.as_deref(),
            correlation_data: correlation_data.as_deref(),
            user_properties: user_properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            ..Message::new(&topic, payload.clone())
        };
        let mut packet = EncodedPublish::new(&message).unwrap();
        packet.set_packet_identifier(PacketIdentifier::new(identifier).unwrap());
        packet.mark_duplicate();
        let mut bytes = BytesMut::from([packet.head(), packet.payload()].concat().as_slice());
        prop_assert_eq!(bytes.len(), packet.length());

        let Ok(Packet::Publish(read)) = Packet::read(&mut bytes, None) else {
            return Err(TestCaseError::fail("a PUBLISH"));
        };
        prop_assert!(bytes.is_empty());
        prop_assert_eq!(&read.topic[..], topic.as_bytes());
        prop_assert_eq!(read.qos == ReadQoS::AtLeastOnce, at_least_once);
        prop_assert_eq!(read.retain, store);
        prop_assert_eq!(read.dup, at_least_once);
        prop_assert_eq!(read.pkid, if at_least_once { identifier } else { 0 });
        prop_assert_eq!(&read.payload[..], &payload[..]);
        let properties = read.properties.unwrap_or_default();
        prop_assert_eq!(properties.payload_format_indicator, utf8.then_some(1));
        prop_assert_eq!(properties.message_expiry_interval, message_expiry_interval);
        prop_assert_eq!(properties.content_type, content_type);
        prop_assert_eq!(properties.response_topic, response_topic);
        prop_assert_eq!(properties.correlation_data.map(|data| data.to_vec()), correlation_data);
        prop_assert_eq!(properties.user_properties, user_properties);
        prop_assert_eq!(properties.topic_alias, None);
    }

    #[test]
    fn every_field_of_a_publish_of_rumqttc_is_decoded(
        topic in "[a-zäß€0-9/]{1,200}",
        at_least_once in any::<bool>(),
        retain in any::<bool>(),
        dup in any::<bool>(),
        identifier in 1u16..,
        payload in vec(any::<u8>(), 0..20_000),
        payload_format_indicator in option::of(0u8..=1),
        message_expiry_interval in option::of(any::<u32>()),
        response_topic in option::of("[a-z0-9/]{1,20}"),
        correlation_data in option::of(vec(any::<u8>(), 0..200)),
        user_properties in vec((text(), text()), 0..20),
        subscription_identifiers in vec(1usize..=268_435_455, 0..4),
        content_type in option::of(text()),
        cut in any::<prop::sample::Index>(),
    ) {
        let properties = PublishProperties {
            payload_format_indicator, message_expiry_interval, topic_alias: None,
            response_topic: response_topic.clone(),
            correlation_data: correlation_data.clone().map(Bytes::from),
            user_properties: user_properties.clone(),
            subscription_identifiers: subscription_identifiers.clone(),
            content_type: content_type.clone(),
        };
        let qos = if at_least_once { ReadQoS::AtLeastOnce } else { ReadQoS::AtMostOnce };
        let mut publish = Publish::new(topic.as_str(), qos, payload.clone(), Some(properties));
        publish.retain = retain;
        publish.dup = dup && at_least_once;
        publish.pkid = if at_least_once { identifier } else { 0 };
        let bytes = written(&Packet::Publish(publish));
        prop_assert_eq!(decode(&bytes[..cut.index(bytes.len())], MAXIMUM), Ok(None));
        let Ok(Some(Decoded { packet: Incoming::Publish(read), length })) = decode(&bytes, MAXIMUM) else {
            return Err(TestCaseError::fail("a PUBLISH"));
        };
        prop_assert_eq!(length, bytes.len());
        prop_assert_eq!(read.topic_name, topic);
        prop_assert_eq!(read.packet_identifier.map(PacketIdentifier::get), at_least_once.then_some(identifier));
        prop_assert_eq!(read.is_duplicate, dup && at_least_once);
        prop_assert_eq!(read.is_retained, retain);
        prop_assert_eq!(read.payload_format == PayloadFormat::Utf8, payload_format_indicator == Some(1));
        prop_assert_eq!(read.message_expiry_interval, message_expiry_interval);
        prop_assert_eq!(read.content_type, content_type);
        prop_assert_eq!(read.response_topic, response_topic);
        prop_assert_eq!(read.correlation_data, correlation_data);
        prop_assert_eq!(read.user_properties, user_properties);
        let read_identifiers: Vec<_> =
            read.subscription_identifiers.iter().map(|identifier| identifier.get() as usize).collect();
        prop_assert_eq!(read_identifiers, subscription_identifiers);
        prop_assert_eq!(&read.payload[..], &payload[..]);
    }

    #[test]
    fn rumqttc_reads_back_a_subscribe(
        topic_filter in "[a-zäß€0-9/+#]{1,200}",
        identifier in 1u16..,
        at_least_once in any::<bool>(),
        send_retained in any::<bool>(),
        subscription_identifier in option::of(1u32..=268_435_455),
    ) {
        let subscription = Subscription {
            topic_filter: topic_filter.clone(),
            maximum_qos: if at_least_once { QoS::AtLeastOnce } else { QoS::AtMostOnce },
            retain_handling: if send_retained { RetainHandling::Send } else { RetainHandling::DoNotSend },
            identifier: subscription_identifier.and_then(SubscriptionIdentifier::new),
        };
        let packet_identifier = PacketIdentifier::new(identifier).unwrap();
        let mut bytes = BytesMut::from(subscription.encode(packet_identifier).unwrap().as_slice());
        let Ok(Packet::Subscribe(read)) = Packet::read(&mut bytes, None) else {
            return Err(TestCaseError::fail("a SUBSCRIBE"));
        };
        prop_assert!(bytes.is_empty());
        prop_assert_eq!(read.pkid, identifier);
        let number = read.properties.and_then(|properties| properties.id);
        prop_assert_eq!(number, subscription_identifier.map(|number| number as usize));
        let [filter] = read.filters.as_slice() else { return Err(TestCaseError::fail("one Topic Filter")) };
        prop_assert_eq!(&filter.path, &topic_filter);
        prop_assert_eq!(filter.qos == ReadQoS::AtLeastOnce, at_least_once);
        prop_assert_eq!(filter.retain_forward_rule == RetainForwardRule::OnEverySubscribe, send_retained);
        prop_assert!(!filter.nolocal && !filter.preserve_retain);

        let mut bytes = BytesMut::from(encode_unsubscribe(&topic_filter, packet_identifier).unwrap().as_slice());
        let Ok(Packet::Unsubscribe(read)) = Packet::read(&mut bytes, None) else {
            return Err(TestCaseError::fail("an UNSUBSCRIBE"));
        };
        prop_assert!(bytes.is_empty());
        prop_assert_eq!((read.pkid, read.filters), (identifier, vec![topic_filter]));

        let mut bytes = BytesMut::from(encode_puback(packet_identifier).as_slice());
        let Ok(Packet::PubAck(read)) = Packet::read(&mut bytes, None) else {
            return Err(TestCaseError::fail("a PUBACK"));
        };
        prop_assert_eq!((read.pkid, read.reason), (identifier, PubAckReason::Success));
    }

    #[test]
    fn a_suback_of_rumqttc_is_decoded(
        pkid in 1u16..,
        code in prop::sample::select(vec![
            (SubscribeReasonCode::Success(ReadQoS::AtMostOnce), 0x00),
            (SubscribeReasonCode::Success(ReadQoS::AtLeastOnce), 0x01),
            (SubscribeReasonCode::NotAuthorized, 0x87),
            (SubscribeReasonCode::QuotaExceeded, 0x97),
        ]),
        reason_string in option::of(text()),
        user_properties in vec((text(), text()), 0..5),
    ) {
        let properties = SubAckProperties { reason_string: reason_string.clone(), user_properties };
        let suback = SubAck { pkid, return_codes: vec![code.0], properties: Some(properties) };
        let bytes = written(&Packet::SubAck(suback));
        let Ok(Some(Decoded { packet: Incoming::SubAck(read), length })) = decode(&bytes, MAXIMUM) else {
            return Err(TestCaseError::fail("a SUBACK"));
        };
        prop_assert_eq!(length, bytes.len());
        prop_assert_eq!(read.packet_identifier.get(), pkid);
        prop_assert_eq!(read.reason.reason_code.0, code.1);
        prop_assert_eq!(read.reason.reason_string, reason_string);
    }

    #[test]
    fn rumqttc_reads_back_every_field_of_a_connect(
        resume in any::<bool>(),
        client_identifier in text(),
        user_name in option::of(text()),
        password in option::of(text()),
        keep_alive in any::<u16>(),
        session_expiry_interval in any::<u32>(),
        receive_maximum in 1u16..,
    ) {
        let connect = Connect {
            start: if resume { Start::Resume } else { Start::Clean },
            client_identifier: &client_identifier,
            user_name: user_name.as_deref(),
            password: password.as_deref().map(str::as_bytes),
            keep_alive,
            session_expiry_interval,
            maximum_packet_size: 65_536,
            receive_maximum: NonZeroU16::new(receive_maximum).unwrap(),
        };
        let mut bytes = BytesMut::from(connect.encode().unwrap().as_slice());
        let Ok(Packet::Connect(read, None, login)) = Packet::read(&mut bytes, None) else {
            return Err(TestCaseError::fail("a CONNECT without a Will"));
        };
        prop_assert_eq!(read.client_id, client_identifier);
        prop_assert_eq!(read.clean_start, !resume);
        prop_assert_eq!(read.keep_alive, keep_alive);
        let properties = read.properties.unwrap();
        prop_assert_eq!(properties.session_expiry_interval, Some(session_expiry_interval));
        prop_assert_eq!(properties.max_packet_size, Some(65_536));
        prop_assert_eq!(properties.receive_maximum, Some(receive_maximum));
        let login = login.map(|login| (login.username, login.password)).unwrap_or_default();
        prop_assert_eq!(login, (user_name.unwrap_or_default(), password.unwrap_or_default()));
    }
}

#[test]
fn a_field_of_more_than_65535_bytes_is_an_error() {
    let (fits, long) = ("x".repeat(65_535), "x".repeat(65_536));
    let rows = [
        (Message::new(&long, ""), Message::new(&fits, "")),
        (
            Message { content_type: Some(&long), ..Message::new("t", "") },
            Message { content_type: Some(&fits), ..Message::new("t", "") },
        ),
        (
            Message { user_properties: vec![("name", &long)], ..Message::new("t", "") },
            Message { user_properties: vec![("name", &fits)], ..Message::new("t", "") },
        ),
    ];
    for (too_long, longest) in rows {
        assert_eq!(EncodedPublish::new(&too_long).err(), Some(TooLong));
        assert!(EncodedPublish::new(&longest).is_ok());
    }
}
