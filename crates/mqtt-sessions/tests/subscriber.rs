//! A subscriber, and the replies that it receives, with a broker that does what a real one does only now and then.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use mqtt_sessions::budget::{Exhausted, InFlightLimits};
use mqtt_sessions::codec::received::ReceivedPublish;
use mqtt_sessions::codec::subscribe::{RetainHandling, Subscription, SubscriptionIdentifier};
use mqtt_sessions::config::{BrokerAddress, Brokers, Config};
use mqtt_sessions::replies::{ExpectError, Expected, Replies, RepliesConfig, ReplyError};
use mqtt_sessions::subscriber::{IncomingLimits, SubscribeError, Subscriber};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish, PublishProperties, RetainForwardRule};
use scripted_broker::{CONNACK, CONNACK_SESSION_PRESENT, PATIENCE, Peer, ScriptedBroker, soon};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const LIMITS: IncomingLimits =
    IncomingLimits { maximum_packet_size: 1024 * 1024, receive_maximum: NonZeroU16::new(7).unwrap() };

fn config(broker: &ScriptedBroker) -> Arc<Config> {
    let address = broker.address();
    Arc::new(Config {
        client_id_prefix: "test".to_owned(),
        publish_timeout: PATIENCE,
        keep_alive: 60,
        ..Config::new(BrokerAddress::tcp(address.ip().to_string(), address.port()))
    })
}

fn subscription() -> Subscription {
    Subscription {
        retain_handling: RetainHandling::DoNotSend,
        identifier: SubscriptionIdentifier::new(9),
        ..Subscription::new("a/+")
    }
}

/// A subscriber and the messages that its handler was given.
fn subscriber(broker: &ScriptedBroker) -> (Arc<Subscriber>, UnboundedReceiver<ReceivedPublish>) {
    subscriber_with(config(broker))
}

fn subscriber_with(config: Arc<Config>) -> (Arc<Subscriber>, UnboundedReceiver<ReceivedPublish>) {
    let (sender, messages) = unbounded_channel();
    let handler = move |message| drop(sender.send(message));
    let name = "test-subscriber".to_owned();
    let started = Subscriber::start(config, LIMITS, name, subscription(), handler);
    (Arc::new(started.unwrap()), messages)
}

/// A subscriber whose subscription was granted.
async fn subscribed() -> (ScriptedBroker, Arc<Subscriber>, UnboundedReceiver<ReceivedPublish>, Peer) {
    let broker = ScriptedBroker::start().await;
    let (subscriber, messages) = subscriber(&broker);
    let mut peer = demand(&broker, &subscriber, CONNACK).await;
    peer.expect_subscribe(0x01).await;
    soon(subscriber.ready()).await.unwrap();
    (broker, subscriber, messages, peer)
}

/// The connection that a first need for the subscription makes.
async fn demand(broker: &ScriptedBroker, subscriber: &Arc<Subscriber>, connack: &[u8]) -> Peer {
    let waiting = Arc::clone(subscriber);
    tokio::spawn(async move { waiting.ready().await });
    broker.accept(connack).await
}

fn publish(topic: &str, packet_identifier: u16, payload: &'static str) -> Publish {
    let qos = if packet_identifier == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
    Publish { pkid: packet_identifier, ..Publish::new(topic, qos, payload, None) }
}

#[tokio::test]
async fn it_connects_when_it_is_needed_and_subscribes() {
    let broker = ScriptedBroker::start().await;
    let (subscriber, _messages) = subscriber(&broker);
    assert!(broker.is_left_alone().await);

    let mut peer = demand(&broker, &subscriber, CONNACK).await;
    assert_eq!((peer.connect.client_id.as_str(), peer.connect.clean_start), ("test-subscriber", true));
    let properties = peer.connect.properties.clone().unwrap();
    assert_eq!((properties.receive_maximum, properties.max_packet_size), (Some(7), Some(1024 * 1024)));
    let subscribe = peer.subscribe().await;
    assert_eq!(subscribe.properties.unwrap().id, Some(9));
    let [filter] = subscribe.filters.as_slice() else { panic!("one Topic Filter") };
    assert_eq!((filter.path.as_str(), filter.qos), ("a/+", QoS::AtLeastOnce));
    assert_eq!(filter.retain_forward_rule, RetainForwardRule::Never);
    assert!(!subscriber.is_subscribed());
    peer.send(&scripted_broker::suback(subscribe.pkid, 0x01)).await;
    soon(subscriber.ready()).await.unwrap();
    assert!(subscriber.is_subscribed());
}

#[tokio::test]
async fn a_message_is_handled_and_then_acknowledged_if_its_qos_is_1() {
    let (_broker, _subscriber, mut messages, mut peer) = subscribed().await;
    peer.deliver(publish("a/0", 0, "zero")).await;
    peer.deliver(publish("a/1", 5, "one")).await;
    assert_eq!(peer.puback().await, 5);
    let topics = [messages.try_recv().unwrap().topic_name, messages.try_recv().unwrap().topic_name];
    assert_eq!(topics, ["a/0", "a/1"]);
}

#[tokio::test]
async fn many_messages_in_one_read_are_acknowledged_in_order() {
    let (_broker, _subscriber, mut messages, mut peer) = subscribed().await;
    for number in 1..=500 {
        peer.deliver(publish("a/b", number, "x")).await;
    }
    for number in 1..=500 {
        assert_eq!(peer.puback().await, number);
        assert_eq!(messages.try_recv().unwrap().packet_identifier.map(NonZeroU16::get), Some(number));
    }
}

#[tokio::test]
async fn a_refused_subscription_is_an_error_with_the_brokers_reason_and_is_tried_again_on_demand() {
    let broker = ScriptedBroker::start().await;
    let (subscriber, _messages) = subscriber(&broker);
    let waiting = Arc::clone(&subscriber);
    let first = tokio::spawn(async move { waiting.ready().await });
    let mut peer = broker.accept(CONNACK).await;
    peer.expect_subscribe(0x87).await;
    match soon(first).await.unwrap() {
        Err(SubscribeError::Refused(reason)) => assert_eq!(reason.reason_code.0, 0x87),
        other => panic!("a refusal, not {other:?}"),
    }
    peer.expect_disconnect().await;
    assert!(broker.is_left_alone().await);

    let mut peer = demand(&broker, &subscriber, CONNACK).await;
    peer.expect_subscribe(0x00).await;
    soon(subscriber.ready()).await.unwrap();
}

#[tokio::test]
async fn a_subscription_that_one_of_several_brokers_refuses_is_made_at_the_next() {
    let brokers = [ScriptedBroker::start().await, ScriptedBroker::start().await];
    let [first, next] =
        brokers.each_ref().map(|broker| BrokerAddress::tcp("127.0.0.1", broker.address().port()));
    let config = Config { brokers: Brokers::new(first, [next]), ..(*config(&brokers[0])).clone() };
    let (subscriber, _messages) = subscriber_with(Arc::new(config));
    demand(&brokers[0], &subscriber, CONNACK).await.expect_subscribe(0x80).await;
    let mut peer = demand(&brokers[1], &subscriber, CONNACK).await;
    peer.expect_subscribe(0x01).await;
    soon(subscriber.ready()).await.unwrap();

    assert!(brokers[0].is_left_alone().await);
}

#[tokio::test]
async fn a_refused_connection_is_an_error() {
    let broker = ScriptedBroker::start().await;
    let (subscriber, _messages) = subscriber(&broker);
    let waiting = Arc::clone(&subscriber);
    let first = tokio::spawn(async move { waiting.ready().await });
    broker.accept(&scripted_broker::connack_refused(0x86, "")).await;
    assert!(matches!(soon(first).await.unwrap(), Err(SubscribeError::Unavailable(_))));
}

#[tokio::test]
async fn a_session_that_the_broker_kept_is_resumed_and_one_that_it_lost_is_subscribed_again() {
    let (broker, subscriber, mut messages, peer) = subscribed().await;
    peer.close().await;
    let mut peer = broker.accept(CONNACK_SESSION_PRESENT).await;
    assert!(!peer.connect.clean_start);
    peer.deliver(publish("a/b", 1, "kept")).await;
    assert_eq!(peer.puback().await, 1);
    assert_eq!(messages.try_recv().unwrap().payload, "kept");
    soon(subscriber.ready()).await.unwrap();
    peer.close().await;

    let mut peer = broker.accept(CONNACK).await;
    assert!(!peer.connect.clean_start);
    peer.expect_subscribe(0x01).await;
    soon(subscriber.ready()).await.unwrap();
}

#[tokio::test]
async fn a_broker_that_breaks_the_protocol_is_told_so() {
    let (broker, _subscriber, _messages, mut peer) = subscribed().await;
    // A PUBLISH of QoS 2.
    peer.send(&[0x34, 6, 0, 1, b'a', 0, 1, 0]).await;
    let Some(Packet::Disconnect(disconnect)) = peer.packet().await else { panic!("DISCONNECT") };
    assert_eq!(disconnect.reason_code as u8, 0x82);
    broker.accept(CONNACK).await.expect_subscribe(0x01).await;
}

#[tokio::test]
async fn closing_it_sends_disconnect_and_ends_every_wait() {
    let (_broker, subscriber, _messages, mut peer) = subscribed().await;
    soon(subscriber.close()).await;
    peer.expect_disconnect().await;
    assert!(matches!(soon(subscriber.ready()).await, Err(SubscribeError::Closed)));
}

/// Replies within limits of waiting requests and bytes.
fn replies(broker: &ScriptedBroker, waiting: InFlightLimits) -> Arc<Replies> {
    let config_of = RepliesConfig { topic_prefix: "replies".to_owned(), incoming: LIMITS, waiting };
    Arc::new(Replies::start(config(broker), config_of).unwrap())
}

/// Replies whose subscription was granted, and the request that made it.
async fn expecting(waiting: InFlightLimits) -> (ScriptedBroker, Arc<Replies>, Expected, Peer) {
    let broker = ScriptedBroker::start().await;
    let replies = replies(&broker, waiting);
    let first = Arc::clone(&replies);
    let first = tokio::spawn(async move { first.expect(0).await.unwrap() });
    let mut peer = broker.accept(CONNACK).await;
    let subscribe = peer.expect_subscribe(0x01).await;
    assert_eq!(subscribe.filters[0].path, replies.response_topic());
    let first = soon(first).await.unwrap();
    (broker, replies, first, peer)
}

fn reply(topic: &str, correlation_data: Option<&[u8]>, payload: &'static str) -> Publish {
    let correlation_data = correlation_data.map(|data| data.to_vec().into());
    let properties = PublishProperties { correlation_data, ..PublishProperties::default() };
    Publish { properties: Some(properties), pkid: 1, ..Publish::new(topic, QoS::AtLeastOnce, payload, None) }
}

const AMPLE: InFlightLimits = InFlightLimits { messages: 100, bytes: 1024 * 1024 };

#[tokio::test]
async fn each_request_gets_the_reply_with_its_correlation_data() {
    let (_broker, replies, mut first, mut peer) = expecting(AMPLE).await;
    let mut second = replies.expect(0).await.unwrap();
    let topic = replies.response_topic().to_owned();
    assert!(topic.starts_with("replies/") && topic.len() == "replies/".len() + 32, "{topic}");
    peer.deliver(reply(&topic, Some(second.correlation_data()), "two")).await;
    peer.deliver(reply(&topic, Some(first.correlation_data()), "one")).await;
    assert_eq!(soon(first.reply()).await.unwrap().message.payload, "one");
    assert_eq!(soon(second.reply()).await.unwrap().message.payload, "two");
    assert_eq!((replies.waiting(), replies.delivered(), replies.dropped()), (0, 2, 0));
}

#[tokio::test]
async fn a_doubled_late_forged_misdirected_or_retained_reply_is_dropped_and_counted() {
    let (_broker, replies, mut first, mut peer) = expecting(AMPLE).await;
    let topic = replies.response_topic().to_owned();
    let late = replies.expect(0).await.unwrap();
    let late_data = late.correlation_data().to_vec();
    drop(late);
    let data = first.correlation_data().to_vec();
    let mut retained = reply(&topic, Some(&data), "retained");
    retained.retain = true;
    let dropped = [
        reply(&topic, Some(&late_data), "late"),
        reply(&topic, Some(&[0; 16]), "forged"),
        reply(&topic, Some(&data[..15]), "cut"),
        reply(&topic, Some(&[]), "empty"),
        reply(&topic, None, "without"),
        reply("replies/other", Some(&data), "misdirected"),
        retained,
    ];
    let expected = dropped.len() as u64 + 1;
    for message in dropped {
        peer.deliver(message).await;
        peer.puback().await;
    }
    for payload in ["first", "doubled"] {
        peer.deliver(reply(&topic, Some(&data), payload)).await;
        peer.puback().await;
    }
    assert_eq!(soon(first.reply()).await.unwrap().message.payload, "first");
    assert_eq!((replies.waiting(), replies.delivered(), replies.dropped()), (0, 1, expected));
}

#[tokio::test]
async fn waiting_requests_and_the_bytes_of_their_replies_are_bounded() {
    let (_broker, replies, mut first, mut peer) = expecting(InFlightLimits { messages: 2, bytes: 100 }).await;
    let topic = replies.response_topic().to_owned();
    let mut second = replies.expect(0).await.unwrap();
    assert!(matches!(replies.expect(0).await, Err(ExpectError::Exhausted(Exhausted::Messages))));
    peer.deliver(reply(&topic, Some(first.correlation_data()), "small")).await;
    let held = soon(first.reply()).await.unwrap();
    peer.deliver(reply(&topic, Some(second.correlation_data()), "small")).await;
    assert_eq!(soon(second.reply()).await.unwrap_err(), ReplyError::Exhausted(Exhausted::Bytes));
    drop(held);
    assert!(matches!(replies.expect(101).await, Err(ExpectError::Exhausted(Exhausted::Bytes))));
    let mut third = replies.expect(30).await.unwrap();
    peer.deliver(reply(&topic, Some(third.correlation_data()), "small")).await;
    assert_eq!(soon(third.reply()).await.unwrap().message.payload, "small");
}

#[tokio::test]
async fn ten_thousand_requests_wait_at_once() {
    const COUNT: usize = 10_000;
    let (_broker, replies, first, mut peer) =
        expecting(InFlightLimits { messages: COUNT, bytes: 1024 * 1024 * 1024 }).await;
    let mut waiting = vec![first];
    while waiting.len() < COUNT {
        waiting.push(replies.expect(0).await.unwrap());
    }
    assert_eq!(replies.waiting(), COUNT);
    let topic = replies.response_topic().to_owned();
    for expected in waiting.iter().rev() {
        peer.deliver(reply(&topic, Some(expected.correlation_data()), "x")).await;
    }
    for expected in &mut waiting {
        soon(expected.reply()).await.unwrap();
    }
    assert_eq!((replies.waiting(), replies.delivered()), (0, COUNT as u64));
}

#[tokio::test]
async fn a_request_that_is_waiting_gets_its_reply_over_the_next_connection() {
    let (broker, replies, mut first, peer) = expecting(AMPLE).await;
    peer.close().await;
    let mut peer = broker.accept(CONNACK_SESSION_PRESENT).await;
    let topic = replies.response_topic().to_owned();
    peer.deliver(reply(&topic, Some(first.correlation_data()), "kept")).await;
    assert_eq!(soon(first.reply()).await.unwrap().message.payload, "kept");
}

#[tokio::test]
async fn closing_replies_ends_every_wait() {
    let (_broker, replies, mut first, mut peer) = expecting(AMPLE).await;
    soon(replies.close()).await;
    assert_eq!(soon(first.reply()).await.unwrap_err(), ReplyError::Closed);
    peer.expect_disconnect().await;
    assert!(tokio::time::timeout(Duration::from_secs(1), replies.expect(0)).await.unwrap().is_err());
}
