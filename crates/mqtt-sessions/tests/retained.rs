//! Reads of retained messages, with a broker that does what a real one does only now and then.

use std::num::NonZeroU16;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt_sessions::config::{BrokerAddress, Config};
use mqtt_sessions::retained::{ReadConfig, ReadError, RetainedReader};
use mqtt_sessions::subscriber::{IncomingLimits, SubscribeError};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish, RetainForwardRule};
use scripted_broker::{CONNACK, PATIENCE, Peer, ScriptedBroker, soon};
use tokio::task::JoinHandle;

const QUIET: Duration = Duration::from_millis(200);

const PINGRESP: &[u8] = &[0xD0, 0];

fn reader(broker: &ScriptedBroker, change: impl FnOnce(&mut ReadConfig)) -> Arc<RetainedReader> {
    let address = broker.address();
    let mqtt = Config::new(BrokerAddress::tcp(address.ip().to_string(), address.port()));
    let mut config = ReadConfig {
        incoming: IncomingLimits {
            maximum_packet_size: 1024 * 1024,
            receive_maximum: NonZeroU16::new(10).unwrap(),
        },
        connections: 2,
        quiet: QUIET,
        timeout: PATIENCE,
    };
    change(&mut config);
    Arc::new(RetainedReader::new(&mqtt, config).unwrap())
}

/// Reads in a task, at most this number of messages, and gives their topics.
fn read(reader: &Arc<RetainedReader>, maximum: usize) -> JoinHandle<Result<Vec<String>, ReadError>> {
    let reader = Arc::clone(reader);
    tokio::spawn(async move {
        let mut topics = Vec::new();
        reader
            .read("a/#", |message| {
                topics.push(message.topic_name);
                if topics.len() == maximum { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .await
            .map(|()| topics)
    })
}

fn retained(topic: &str, packet_identifier: u16) -> Publish {
    Publish { pkid: packet_identifier, retain: true, ..Publish::new(topic, QoS::AtLeastOnce, "x", None) }
}

async fn expect_ping(peer: &mut Peer) {
    assert!(matches!(peer.packet().await, Some(Packet::PingReq(_))));
}

/// Serves a read of one message.
async fn serve(peer: &mut Peer) {
    peer.expect_subscribe(0x01).await;
    expect_ping(peer).await;
    peer.deliver(retained("a/1", 1)).await;
    assert_eq!(peer.puback().await, 1);
    peer.expect_unsubscribe("a/#", 0x00).await;
    peer.expect_disconnect().await;
}

#[tokio::test]
async fn a_read_is_over_after_a_ping_round_trip_without_a_message_and_a_quiet_time() {
    let broker = ScriptedBroker::start().await;
    let reader = reader(&broker, |_| {});
    let task = read(&reader, 100);
    let mut peer = broker.accept(CONNACK).await;
    assert!(peer.connect.clean_start);
    assert_eq!(peer.connect.properties.as_ref().unwrap().session_expiry_interval, Some(0));
    let subscribe = peer.subscribe().await;
    let [filter] = subscribe.filters.as_slice() else { panic!("one Topic Filter") };
    assert_eq!((filter.path.as_str(), filter.qos), ("a/#", QoS::AtLeastOnce));
    assert_eq!(filter.retain_forward_rule, RetainForwardRule::OnEverySubscribe);
    // A broker may send a message before the SUBACK.
    peer.deliver(retained("a/1", 1)).await;
    assert_eq!(peer.puback().await, 1);
    peer.send(&scripted_broker::suback(subscribe.pkid, 0x01)).await;
    expect_ping(&mut peer).await;
    peer.deliver(retained("a/2", 2)).await;
    assert_eq!(peer.puback().await, 2);
    peer.send(PINGRESP).await;
    expect_ping(&mut peer).await;
    peer.send(PINGRESP).await;
    tokio::time::sleep(QUIET / 2).await;
    // One that the broker looked up in the background.
    peer.deliver(retained("a/3", 3)).await;
    assert_eq!(peer.puback().await, 3);
    expect_ping(&mut peer).await;
    let start = Instant::now();
    peer.send(PINGRESP).await;
    peer.expect_unsubscribe("a/#", 0x00).await;
    peer.expect_disconnect().await;
    assert!(start.elapsed() >= QUIET, "{:?}", start.elapsed());
    assert_eq!(soon(task).await.unwrap().unwrap(), ["a/1", "a/2", "a/3"]);
}

#[tokio::test]
async fn a_message_that_is_published_during_the_read_is_none_of_it() {
    let broker = ScriptedBroker::start().await;
    let task = read(&reader(&broker, |_| {}), 100);
    let mut peer = broker.accept(CONNACK).await;
    peer.expect_subscribe(0x01).await;
    expect_ping(&mut peer).await;
    let live = Publish { retain: false, ..retained("a/live", 1) };
    peer.deliver(live).await;
    assert_eq!(peer.puback().await, 1);
    peer.send(PINGRESP).await;
    peer.expect_unsubscribe("a/#", 0x00).await;
    peer.expect_disconnect().await;
    assert_eq!(soon(task).await.unwrap().unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_read_ends_when_its_reader_has_enough() {
    let broker = ScriptedBroker::start().await;
    let task = read(&reader(&broker, |_| {}), 1);
    serve(&mut broker.accept(CONNACK).await).await;
    assert_eq!(soon(task).await.unwrap().unwrap(), ["a/1"]);
}

#[tokio::test]
async fn a_read_is_answered_once_the_broker_has_ended_its_subscription() {
    let broker = ScriptedBroker::start().await;
    let reader = reader(&broker, |_| {});
    let task = read(&reader, 1);
    let mut peer = broker.accept(CONNACK).await;
    peer.expect_subscribe(0x01).await;
    expect_ping(&mut peer).await;
    peer.deliver(retained("a/1", 1)).await;
    assert_eq!(peer.puback().await, 1);
    let Some(Packet::Unsubscribe(unsubscribe)) = peer.packet().await else { panic!("UNSUBSCRIBE") };
    // What the broker had sent already.
    peer.deliver(retained("a/2", 2)).await;
    assert!(peer.is_quiet().await);
    assert!(!task.is_finished());
    peer.send(&scripted_broker::unsuback(unsubscribe.pkid, 0x00)).await;
    peer.expect_disconnect().await;
    assert_eq!(soon(task).await.unwrap().unwrap(), ["a/1"]);
}

#[tokio::test]
async fn a_broker_that_does_not_end_the_subscription_costs_no_answer() {
    let broker = ScriptedBroker::start().await;
    let reader = reader(&broker, |_| {});
    for answer in [&[][..], &scripted_broker::unsuback(1, 0x80), &[0xF0, 0]] {
        let task = read(&reader, 1);
        let mut peer = broker.accept(CONNACK).await;
        peer.expect_subscribe(0x01).await;
        expect_ping(&mut peer).await;
        peer.deliver(retained("a/1", 1)).await;
        assert_eq!(peer.puback().await, 1);
        assert!(matches!(peer.packet().await, Some(Packet::Unsubscribe(_))));
        peer.send(answer).await;
        assert_eq!(soon(task).await.unwrap().unwrap(), ["a/1"], "{answer:?}");
    }
}

#[tokio::test]
async fn a_read_that_fails_says_why() {
    let broker = ScriptedBroker::start().await;
    let reader = reader(&broker, |config| config.timeout = Duration::from_millis(500));
    let refused = read(&reader, 1);
    broker.accept(CONNACK).await.expect_subscribe(0x87).await;
    let refused = soon(refused).await.unwrap().unwrap_err();
    assert!(matches!(refused, ReadError::Subscribe(SubscribeError::Refused(_))), "{refused:?}");

    let lost = read(&reader, 1);
    broker.accept(CONNACK).await.close().await;
    assert!(matches!(soon(lost).await.unwrap().unwrap_err(), ReadError::Lost(_)));

    let late = read(&reader, 1);
    let _peer = broker.accept(CONNACK).await;
    assert!(matches!(soon(late).await.unwrap().unwrap_err(), ReadError::TimedOut(_)));
}

#[tokio::test]
async fn more_reads_than_connections_wait_for_their_turn() {
    let broker = ScriptedBroker::start().await;
    let reader = reader(&broker, |_| {});
    let tasks: Vec<_> = (0..3).map(|_| read(&reader, 1)).collect();
    let mut peers = vec![broker.accept(CONNACK).await, broker.accept(CONNACK).await];
    assert!(broker.is_left_alone().await);
    serve(&mut peers.remove(0)).await;
    peers.push(broker.accept(CONNACK).await);
    for peer in &mut peers {
        serve(peer).await;
    }
    for task in tasks {
        assert_eq!(soon(task).await.unwrap().unwrap(), ["a/1"]);
    }
}
