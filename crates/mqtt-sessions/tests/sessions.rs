//! A shared session, with a broker that does what a real one does only now and then.

mod support;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt_sessions::budget::{Budget, InFlightLimits};
use mqtt_sessions::codec::DecodeError;
use mqtt_sessions::config::{Credentials, Sessions};
use mqtt_sessions::{BrokerReason, Chain, Delivery, Loss, Overload, Pool, PublishError, ReasonCode};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{DisconnectReasonCode, Packet, Publish};
use scripted_broker::{
    AutomaticBroker, CONNACK, CONNACK_SESSION_PRESENT, Conduct, Copies, Peer, ScriptedBroker,
    connack_refused, soon,
};
use tokio::sync::mpsc;

use support::{
    Target, acknowledged, config, error, expect_acknowledged, expect_all_acknowledged, outcome, pool,
    pool_with, publish, publish_within,
};

/// A broker, a pool of one session, and the connection between them.
async fn connected() -> (ScriptedBroker, Arc<Pool>, Peer) {
    let broker = ScriptedBroker::start().await;
    let pool = pool(&broker);
    let peer = broker.accept(CONNACK).await;
    (broker, pool, peer)
}

/// Publishes a message, which has to be the next one that the broker receives.
async fn expect_published_next(pool: &Arc<Pool>, peer: &mut Peer, payload: &'static [u8]) {
    let task = publish(pool, "t", payload);
    let sent = peer.publish().await;
    assert_eq!(sent.payload, payload);
    peer.acknowledge(&sent).await;
    expect_acknowledged(task).await;
}

#[tokio::test]
async fn each_session_starts_clean_under_its_own_client_identifier_and_logs_in() {
    let broker = ScriptedBroker::start().await;
    let login = Credentials {
        user_name: Some("me".to_owned()),
        password: Some("secret".to_owned()),
        password_file: None,
    };
    let _pools = [
        pool_with(&broker, |config| config.credentials = login.clone()),
        pool_with(&broker, |config| {
            config.credentials = login.clone();
            config.sessions = Sessions::Shared(2);
        }),
    ];
    let mut identifiers = HashSet::new();
    for _ in 0..3 {
        let peer = broker.accept(CONNACK).await;
        assert!(peer.connect.clean_start);
        assert_eq!(peer.connect.keep_alive, 60);
        assert_eq!(peer.connect.properties.unwrap().session_expiry_interval, Some(60));
        let login = peer.login.unwrap();
        assert_eq!((login.username.as_str(), login.password.as_str()), ("me", "secret"));
        identifiers.insert(peer.connect.client_id);
    }
    assert_eq!(identifiers.len(), 3);
    assert!(identifiers.iter().all(|identifier| identifier.starts_with("test-")));
}

#[tokio::test]
async fn the_password_is_read_from_its_file_at_each_connect() {
    let file = std::env::temp_dir().join(format!("mqtt-sessions-password-{}", std::process::id()));
    std::fs::write(&file, "first\n").unwrap();
    let broker = ScriptedBroker::start().await;
    let pool = pool_with(&broker, |config| config.credentials.password_file = Some(file.clone()));
    for (given, next) in [("first", "second\r\n"), ("second", "third")] {
        let peer = broker.accept(CONNACK).await;
        assert_eq!(peer.login.as_ref().unwrap().password, given);
        soon(pool.connected()).await;
        std::fs::write(&file, next).unwrap();
    }
    let peer = broker.accept(CONNACK).await;
    assert_eq!(peer.login.as_ref().unwrap().password, "third");
    assert!(!pool.has_stale_files());

    // A password that was read before is better than none.
    std::fs::remove_file(&file).unwrap();
    pool.reload();
    assert!(pool.has_stale_files());
    drop(peer);
    let peer = broker.accept(CONNACK).await;
    assert_eq!(peer.login.as_ref().unwrap().password, "third");
    std::fs::write(&file, "fourth").unwrap();
    pool.reload();
    assert!(!pool.has_stale_files());
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn the_publisher_gets_every_reason_code_and_reason_string_as_the_broker_sent_them() {
    let (_broker, pool, mut peer) = connected().await;
    for reason_code in 0..=u8::MAX {
        for (sent_string, expected) in [("because", Some("because")), ("", None)] {
            let task = publish(&pool, "t", "x");
            let sent = peer.publish().await;
            peer.refuse(&sent, reason_code, sent_string).await;
            assert_eq!(outcome(task).await.unwrap(), acknowledged(reason_code, expected));
        }
    }
    let counted: Vec<_> = pool.tally().acknowledged().map(|(_, count)| count).collect();
    assert_eq!(counted, [2; 256]);
}

#[tokio::test]
async fn a_message_that_the_connack_forbids_fails_without_costing_the_connection() {
    let broker = ScriptedBroker::start().await;
    let pool = pool(&broker);
    // Maximum QoS 0, Retain Available 0, Maximum Packet Size 100.
    let mut peer = broker.accept(&[0x20, 12, 0, 0, 9, 0x24, 0, 0x25, 0, 0x27, 0, 0, 0, 100]).await;

    assert!(matches!(error(publish(&pool, "t", "x")).await, PublishError::QosNotSupported));
    let t = Target::at_most_once("t");
    assert!(matches!(error(publish(&pool, t.retained(), "x")).await, PublishError::RetainNotSupported));
    let large = error(publish(&pool, t, vec![b'x'; 100])).await;
    assert!(matches!(large, PublishError::PacketTooLarge { actual: 106, maximum: 100 }), "{large:?}");

    assert_eq!(outcome(publish(&pool, t, vec![b'x'; 94])).await.unwrap(), Delivery::Written);
    let sent = peer.publish().await;
    assert_eq!((sent.qos, sent.retain, sent.payload.len()), (QoS::AtMostOnce, false, 94));
}

#[tokio::test]
async fn the_receive_maximum_limits_the_unacknowledged_messages() {
    let broker = ScriptedBroker::start().await;
    let pool = pool(&broker);
    // Receive Maximum 10.
    let mut peer = broker.accept(&[0x20, 6, 0, 0, 3, 0x21, 0, 10]).await;
    let tasks: Vec<_> = (0..200).map(|_| publish(&pool, "t", "x")).collect();

    let mut unacknowledged: VecDeque<_> = peer.publishes(10).await.into();
    assert!(peer.is_quiet().await, "the eleventh waits");
    for _ in 10..200 {
        peer.acknowledge(&unacknowledged.pop_front().unwrap()).await;
        unacknowledged.push_back(peer.publish().await);
    }
    for sent in &unacknowledged {
        peer.acknowledge(sent).await;
    }
    expect_all_acknowledged(tasks).await;
}

#[tokio::test]
async fn a_resumed_session_sends_the_unacknowledged_messages_again_in_order() {
    let (broker, pool, mut peer) = connected().await;
    let tasks: Vec<_> = (0..20).map(|_| publish(&pool, "t", "x")).collect();
    let sent = peer.publishes(20).await;
    for publish in sent.iter().step_by(2) {
        peer.acknowledge(publish).await;
    }
    let client_id = peer.connect.client_id.clone();
    drop(peer);

    let mut peer = broker.accept(CONNACK_SESSION_PRESENT).await;
    assert!(!peer.connect.clean_start);
    assert_eq!(peer.connect.client_id, client_id);
    for before in sent.iter().skip(1).step_by(2) {
        let again = peer.publish().await;
        assert!(again.dup);
        assert_eq!(again.pkid, before.pkid);
        peer.acknowledge(&again).await;
    }
    expect_all_acknowledged(tasks).await;
    let task = publish(&pool, "t", "x");
    let new = peer.publish().await;
    assert!(!new.dup, "a new message is not a repeated one");
    peer.acknowledge(&new).await;
    expect_acknowledged(task).await;
}

#[tokio::test]
async fn a_resumed_session_keeps_to_a_lower_receive_maximum() {
    let (broker, pool, mut peer) = connected().await;
    let tasks: Vec<_> = (0..5).map(|_| publish(&pool, "t", "x")).collect();
    peer.publishes(5).await;
    drop(peer);

    // Session Present, Receive Maximum 2.
    let mut peer = broker.accept(&[0x20, 6, 1, 0, 3, 0x21, 0, 2]).await;
    for number in [1, 2, 2] {
        let group = peer.publishes(number).await;
        assert!(peer.is_quiet().await);
        for publish in &group {
            peer.acknowledge(publish).await;
        }
    }
    expect_all_acknowledged(tasks).await;
}

#[tokio::test]
async fn when_the_broker_has_lost_the_session_unacknowledged_messages_fail_at_once() {
    let (broker, pool, mut peer) = connected().await;
    let tasks: Vec<_> = (0..20).map(|_| publish(&pool, "t", "x")).collect();
    let sent = peer.publishes(20).await;
    for publish in &sent[..10] {
        peer.acknowledge(publish).await;
    }
    drop(peer);

    let mut peer = broker.accept(CONNACK).await;
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(outcome(task).await);
    }
    let lost = |outcome: &&_| matches!(outcome, Err(PublishError::ConnectionLost(Loss::Session)));
    let counts =
        (outcomes.iter().filter(lost).count(), outcomes.iter().filter(|outcome| outcome.is_ok()).count());
    assert_eq!(counts, (10, 10));
    assert!(peer.is_quiet().await, "nothing is sent again");
}

#[tokio::test]
async fn a_broker_that_closes_the_connection_after_a_denied_publish_costs_no_other_message() {
    let (broker, pool, mut peer) = connected().await;
    let denied = publish(&pool, "denied", "x");
    let sent = peer.publish().await;
    let others: Vec<_> = (0..10).map(|_| publish(&pool, "t", "x")).collect();
    peer.publishes(10).await;
    peer.refuse(&sent, 0x87, "").await;
    drop(peer);
    let late = publish(&pool, "t", "late");

    let mut peer = broker.accept(CONNACK_SESSION_PRESENT).await;
    for _ in 0..11 {
        let publish = peer.publish().await;
        peer.acknowledge(&publish).await;
    }
    assert_eq!(outcome(denied).await.unwrap(), acknowledged(0x87, None));
    expect_all_acknowledged(others).await;
    expect_acknowledged(late).await;
}

/// What a broker does to a message that it will not have.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    /// Closes the connection after these bytes.
    Close(&'static [u8]),
    /// Resets the connection, which may discard the last PUBACKs.
    Reset,
    /// Answers as if it had QoS 2.
    PubRec,
}

/// A broker that refuses the topic `poison`, and acknowledges the rest. Returns how often it received `poison`.
async fn acknowledge_all_but_poison(broker: ScriptedBroker, refusal: Refusal, others: usize) -> usize {
    let mut poisoned = 0;
    let mut acknowledged = HashSet::new();
    let mut connack = CONNACK;
    loop {
        let mut peer = broker.accept(connack).await;
        connack = CONNACK_SESSION_PRESENT;
        loop {
            match peer.packet().await {
                Some(Packet::Publish(publish)) if &publish.topic[..] == b"poison" => {
                    poisoned += 1;
                    match refusal {
                        Refusal::Reset => break,
                        Refusal::Close(last_words) => {
                            peer.send(last_words).await;
                            break peer.close().await;
                        }
                        Refusal::PubRec => {
                            let [high, low] = publish.pkid.to_be_bytes();
                            peer.send(&[0x50, 2, high, low]).await;
                        }
                    }
                }
                Some(Packet::Publish(publish)) => {
                    peer.acknowledge(&publish).await;
                    acknowledged.insert(publish.payload);
                    if acknowledged.len() == others {
                        return poisoned;
                    }
                }
                other => panic!("PUBLISH, not {other:?} after {} others", acknowledged.len()),
            }
        }
    }
}

#[tokio::test]
async fn a_message_that_the_broker_refuses_outside_of_puback_is_given_up_at_its_second_try_at_the_latest() {
    let rejected =
        |code| PublishError::MessageRejected(BrokerReason { reason_code: code, reason_string: None });
    let protocol = DecodeError::Protocol("PUBREC for a message of QoS 1");
    // What the broker does; the error, and the most tries.
    let rows = [
        (Refusal::Close(&[]), PublishError::ConnectionLost(Loss::Isolated), 2),
        (Refusal::Close(&[0xE0, 1, 0x95]), rejected(ReasonCode(0x95)), 2),
        (Refusal::Close(&[0xE0, 1, 0x97]), rejected(ReasonCode(0x97)), 2),
        (Refusal::Reset, PublishError::ConnectionLost(Loss::Isolated), 2),
        (Refusal::PubRec, PublishError::BrokerProtocol(protocol), 1),
    ];
    for (refusal, expected, tries) in rows {
        let broker = ScriptedBroker::start().await;
        let pool = pool(&broker);
        let broker = tokio::spawn(acknowledge_all_but_poison(broker, refusal, 200));
        // One in 50 messages makes the broker close the connection.
        let mut others = Vec::new();
        let mut poison = Vec::new();
        for number in 0..200 {
            if number % 50 == 1 {
                poison.push(publish(&pool, "poison", "x"));
            }
            others.push(publish(&pool, "t", number.to_string()));
        }
        for task in poison {
            assert_eq!(error(task).await.to_string(), expected.to_string());
        }
        expect_all_acknowledged(others).await;
        let received = soon(broker).await.unwrap();
        assert!(received <= 4 * tries, "{refusal:?}: {received}");
    }
}

#[tokio::test]
async fn a_message_that_the_broker_answers_with_pubrec_fails_alone() {
    let (_broker, pool, mut peer) = connected().await;
    let concerned = publish(&pool, "t", "x");
    let sent = peer.publish().await;
    let other = publish(&pool, "t", "y");
    let other_sent = peer.publish().await;
    let [high, low] = sent.pkid.to_be_bytes();
    peer.send(&[0x50, 2, high, low]).await;
    assert!(matches!(error(concerned).await, PublishError::BrokerProtocol(_)));
    peer.acknowledge(&other_sent).await;
    expect_acknowledged(other).await;
    expect_published_next(&pool, &mut peer, b"z").await;
}

#[tokio::test]
async fn a_message_that_is_never_acknowledged_keeps_no_room_after_its_time_out() {
    let broker = ScriptedBroker::start().await;
    let pool = pool_with(&broker, |config| config.publish_timeout = Duration::from_secs(1));
    let mut peer = broker.accept(CONNACK).await;
    let budget = Budget::new(InFlightLimits { messages: 20, bytes: 1 << 20 });
    let tasks: Vec<_> = (0..20).map(|_| publish_within(&pool, &budget, "never", "x")).collect();
    let sent = peer.publishes(20).await;
    assert_eq!(budget.messages(), 20);
    for task in tasks {
        let error = peer.answer_pings_while(error(task)).await;
        assert!(matches!(error, PublishError::AcknowledgementTimeout));
    }
    assert_eq!((budget.messages(), budget.bytes(), pool.tally().overdue()), (0, 0, 20));

    expect_published_next(&pool, &mut peer, b"other").await;
    peer.acknowledge(&sent[0]).await;
    expect_published_next(&pool, &mut peer, b"another").await;
    assert_eq!(pool.tally().overdue(), 19);

    drop(peer);
    let mut peer = broker.accept(CONNACK_SESSION_PRESENT).await;
    assert!(peer.is_quiet().await, "their publishers were answered");
    assert_eq!(pool.tally().overdue(), 0);
}

#[tokio::test]
async fn a_receive_maximum_that_overdue_messages_use_up_is_renewed_by_another_connection() {
    let broker = ScriptedBroker::start().await;
    let pool = pool_with(&broker, |config| config.publish_timeout = Duration::from_secs(4));
    // Receive Maximum 10.
    let mut peer = broker.accept(&[0x20, 6, 0, 0, 3, 0x21, 0, 10]).await;
    let tasks: Vec<_> = (0..10).map(|_| publish(&pool, "never", "x")).collect();
    peer.publishes(10).await;
    for task in tasks {
        let error = peer.answer_pings_while(error(task)).await;
        assert!(matches!(error, PublishError::AcknowledgementTimeout));
    }
    let other = publish(&pool, "t", "other");
    // It answers no more PUBLISH, but every PINGREQ.
    tokio::spawn(async move { peer.answer_pings().await });
    let mut peer = broker.accept(&[0x20, 6, 0, 0, 3, 0x21, 0, 10]).await;
    assert!(peer.connect.clean_start, "the Packet Identifiers of the session were in use");
    peer.expect_publish(b"other").await;
    expect_acknowledged(other).await;
}

/// A broker that acknowledges every topic but `never`, and reports what it has acknowledged.
async fn acknowledge_all_but_never(
    broker: ScriptedBroker,
    connack: &'static [u8],
    received: mpsc::UnboundedSender<Publish>,
) {
    loop {
        let mut peer = broker.accept(connack).await;
        assert!(peer.connect.clean_start, "a session whose Packet Identifiers are in use is not resumed");
        while let Some(packet) = peer.packet().await {
            match packet {
                Packet::Publish(publish) if &publish.topic[..] == b"never" => {}
                Packet::Publish(publish) => {
                    peer.acknowledge(&publish).await;
                    received.send(publish).unwrap();
                }
                Packet::PingReq(_) => peer.send(&[0xD0, 0]).await,
                Packet::Disconnect(_) => {}
                other => panic!("PUBLISH, not {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_topic_that_is_never_acknowledged_does_not_stop_the_others_in_the_long_run() {
    const FOR: Duration = Duration::from_secs(4);
    const BEFORE_IT_IS_KNOWN: Duration = Duration::from_secs(1);
    // Without a Receive Maximum, which means 65,535, and with one of 8.
    let rows: [&[u8]; 2] = [CONNACK, &[0x20, 6, 0, 0, 3, 0x21, 0, 8]];
    for connack in rows {
        let broker = ScriptedBroker::start().await;
        let pool = pool_with(&broker, |config| {
            config.publish_timeout = Duration::from_millis(300);
            config.overdue_limit = Duration::from_millis(600);
        });
        let (seen, mut received) = mpsc::unbounded_channel();
        let broker = tokio::spawn(acknowledge_all_but_never(broker, connack, seen));
        soon(pool.connected()).await;
        let (mut never, mut others) = (Vec::new(), Vec::new());
        let started = Instant::now();
        let mut clock = tokio::time::interval(Duration::from_millis(10));
        while started.elapsed() < FOR {
            clock.tick().await;
            never.push(publish(&pool, "never", "x"));
            let other = publish(&pool, "t", "x");
            if started.elapsed() > BEFORE_IT_IS_KNOWN {
                others.push(other);
            }
        }
        assert!(others.len() > 100);
        expect_all_acknowledged(others).await;
        for task in never {
            let error = error(task).await;
            let expected = matches!(
                error,
                PublishError::AcknowledgementTimeout
                    | PublishError::Overloaded(Overload::UnansweredTopic | Overload::ReceiveMaximum)
            );
            assert!(expected, "{error:?}");
        }
        assert!((4..10).contains(&pool.tally().renewals()), "{}", pool.tally().renewals());
        assert_eq!(pool.tally().reconnects(), 0);
        broker.abort();
        while let Some(publish) = received.recv().await {
            assert!(!publish.dup, "no message of others is sent twice");
        }
    }
}

#[tokio::test]
async fn a_message_that_was_sent_is_never_said_not_to_have_been_sent() {
    // Session Present, and Maximum QoS 0, Retain Available 0, or Maximum Packet Size 10.
    let rows: [&[u8]; 3] =
        [&[0x20, 5, 1, 0, 2, 0x24, 0], &[0x20, 5, 1, 0, 2, 0x25, 0], &[0x20, 8, 1, 0, 5, 0x27, 0, 0, 0, 10]];
    for connack in rows {
        let (broker, pool, mut peer) = connected().await;
        let tasks: Vec<_> =
            (0..10).map(|_| publish(&pool, Target::from("t").retained(), vec![b'x'; 100])).collect();
        peer.publishes(10).await;
        drop(peer);
        let _peer = broker.accept(connack).await;
        for task in tasks {
            let error = error(task).await;
            assert!(matches!(error, PublishError::ConnectionLost(Loss::Forbidden)), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_publish_that_finds_no_connection_after_a_disconnect_gets_its_reason_code() {
    let broker = ScriptedBroker::start().await;
    let pool = pool(&broker);
    let mut peer = broker.accept(CONNACK).await;
    soon(pool.connected()).await;
    peer.send(&[0xE0, 1, 0x97]).await;
    while pool.is_connected() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The broker does not answer the next CONNECT yet.
    let error = error(publish(&pool, "t", "x")).await;
    let PublishError::ConnectionClosed(reason) = error else { panic!("{error:?}") };
    assert_eq!(reason.reason_code, ReasonCode(0x97));
}

#[tokio::test]
async fn a_broker_that_falls_silent_is_found_out_in_time_to_send_the_message_again() {
    let broker = ScriptedBroker::start().await;
    let pool = pool_with(&broker, |config| config.publish_timeout = Duration::from_secs(8));
    let mut silent = broker.accept(CONNACK).await;
    soon(pool.connected()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let started = Instant::now();
    let task = publish(&pool, "t", "x");
    silent.publish().await;

    // A PINGREQ after 4 s, and the end of the connection after 2 more. `silent` stays open.
    let mut peer = broker.accept(CONNACK_SESSION_PRESENT).await;
    let found = started.elapsed();
    assert!((Duration::from_millis(5900)..Duration::from_millis(7500)).contains(&found), "{found:?}");
    assert!(peer.publish().await.dup);
    drop((peer, silent));
    task.abort();
}

#[tokio::test]
async fn a_qos_0_message_that_the_broker_does_not_read_times_out() {
    let broker = ScriptedBroker::start().await;
    let pool = pool_with(&broker, |config| config.publish_timeout = Duration::from_secs(2));
    // It reads nothing after CONNECT.
    let _peer = broker.accept(CONNACK).await;
    soon(pool.connected()).await;
    let started = Instant::now();
    let t = Target::at_most_once("t");
    let tasks: Vec<_> = (0..40).map(|_| publish(&pool, t, vec![b'x'; 512 * 1024])).collect();
    let mut in_vain = 0;
    for task in tasks {
        match outcome(task).await {
            Ok(Delivery::Written) => {}
            Err(PublishError::WriteTimeout | PublishError::Overloaded(Overload::ReceiveMaximum)) => {
                in_vain += 1
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(in_vain > 0, "20 MiB do not fit into the buffers of two sockets");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_message_in_flight_times_out_if_the_broker_does_not_come_back() {
    let broker = ScriptedBroker::start().await;
    let pool = pool_with(&broker, |config| config.publish_timeout = Duration::from_millis(500));
    let mut peer = broker.accept(CONNACK).await;
    let task = publish(&pool, "t", "x");
    peer.publish().await;
    drop((peer, broker));
    assert!(matches!(error(task).await, PublishError::AcknowledgementTimeout));
}

#[tokio::test]
async fn a_broker_may_assign_another_client_identifier() {
    let broker = ScriptedBroker::start().await;
    let _pool = pool(&broker);
    // Assigned Client Identifier "abc".
    drop(broker.accept(&[0x20, 9, 0, 0, 6, 0x12, 0, 3, b'a', b'b', b'c']).await);
    assert_eq!(broker.accept(CONNACK_SESSION_PRESENT).await.connect.client_id, "abc");
}

#[tokio::test]
async fn a_late_puback_is_not_taken_for_that_of_another_message() {
    let broker = ScriptedBroker::start().await;
    let pool = pool_with(&broker, |config| config.publish_timeout = Duration::from_millis(300));
    let mut peer = broker.accept(CONNACK).await;
    let task = publish(&pool, "t", "first");
    let first = peer.publish().await;
    assert!(matches!(error(task).await, PublishError::AcknowledgementTimeout));

    let task = publish(&pool, "t", "second");
    let second = peer.publish().await;
    assert_ne!(first.pkid, second.pkid);
    peer.refuse(&first, 0x87, "").await;
    peer.acknowledge(&second).await;
    expect_acknowledged(task).await;
}

#[tokio::test]
async fn a_message_that_the_broker_has_no_room_for_in_time_is_never_sent() {
    let broker = ScriptedBroker::start().await;
    let pool = pool_with(&broker, |config| config.publish_timeout = Duration::from_secs(2));
    // Receive Maximum 1.
    let mut peer = broker.accept(&[0x20, 6, 0, 0, 3, 0x21, 0, 1]).await;
    let first = publish(&pool, "t", "first");
    let sent = peer.publish().await;
    let second = publish(&pool, "t", "second");
    let first = peer.answer_pings_while(error(first)).await;
    assert!(matches!(first, PublishError::AcknowledgementTimeout));
    let second = peer.answer_pings_while(error(second)).await;
    assert!(matches!(second, PublishError::Overloaded(Overload::ReceiveMaximum)));

    peer.acknowledge(&sent).await;
    expect_published_next(&pool, &mut peer, b"third").await;
}

#[tokio::test]
async fn a_message_whose_publisher_has_gone_before_it_is_sent_is_never_sent() {
    let broker = ScriptedBroker::start().await;
    let pool = pool(&broker);
    // Receive Maximum 1.
    let mut peer = broker.accept(&[0x20, 6, 0, 0, 3, 0x21, 0, 1]).await;
    let first = publish(&pool, "t", "first");
    let sent = peer.publish().await;
    let gone = publish(&pool, "t", "gone");
    assert!(peer.is_quiet().await);
    gone.abort();
    assert!(soon(gone).await.unwrap_err().is_cancelled());

    peer.acknowledge(&sent).await;
    expect_acknowledged(first).await;
    expect_published_next(&pool, &mut peer, b"third").await;
}

#[tokio::test]
async fn a_refused_login_fails_publishes_at_once_and_is_tried_again() {
    for reason_code in [0x86, 0x87, 0x88, 0x8A, 0x8C, 0x97, 0x9F] {
        let broker = ScriptedBroker::start().await;
        let pool = pool(&broker);
        drop(broker.accept(&connack_refused(reason_code, "no")).await);
        let started = Instant::now();
        let error = error(publish(&pool, "t", "x")).await;
        let PublishError::ConnectionRefused(reason) = error else { panic!("{error:?}") };
        assert_eq!(reason.reason_code, ReasonCode(reason_code));
        assert_eq!(reason.reason_string.as_deref(), Some("no"));
        assert!(started.elapsed() < Duration::from_secs(5));

        let mut peer = broker.accept(CONNACK).await;
        soon(pool.connected()).await;
        expect_published_next(&pool, &mut peer, b"x").await;
    }
}

#[tokio::test]
async fn nothing_is_queued_for_an_absent_broker() {
    let broker = ScriptedBroker::start().await;
    let config = config(broker.address());
    drop(broker);
    let pool = Arc::new(Pool::start(config).unwrap());
    let started = Instant::now();
    for _ in 0..3 {
        let error = error(publish(&pool, "t", "x")).await;
        assert!(matches!(error, PublishError::BrokerUnavailable(_)), "{error:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(!pool.is_connected());
}

#[tokio::test]
async fn a_broker_that_sends_no_connack_is_unavailable_after_the_connect_time_out() {
    let broker = ScriptedBroker::start().await;
    let pool = pool_with(&broker, |config| config.connect_timeout = Duration::from_millis(200));
    let error = error(publish(&pool, "t", "x")).await;
    let expected = "there is no connection to the broker: no connection within 200 ms";
    assert_eq!(Chain(&error).to_string(), expected);
}

#[tokio::test]
async fn a_connection_without_pingresp_is_replaced_and_the_session_resumed() {
    let broker = ScriptedBroker::start().await;
    let pool = pool_with(&broker, |config| config.keep_alive = 1);
    let mut silent = broker.accept(CONNACK).await;
    let task = publish(&pool, "t", "x");
    let sent = silent.publish().await;
    assert!(matches!(silent.packet().await, Some(Packet::PingReq(_))));

    // `silent` stays open: only the missing answer ends it.
    let mut peer = broker.accept(CONNACK_SESSION_PRESENT).await;
    let again = peer.publish().await;
    assert!(again.dup);
    assert_eq!(again.pkid, sent.pkid);
    peer.acknowledge(&again).await;
    expect_acknowledged(task).await;
}

#[tokio::test]
async fn the_server_keep_alive_replaces_the_configured_one() {
    let broker = ScriptedBroker::start().await;
    let _pool = pool(&broker);
    // Server Keep Alive 1.
    let mut peer = broker.accept(&[0x20, 6, 0, 0, 3, 0x13, 0, 1]).await;
    for _ in 0..3 {
        assert!(matches!(peer.packet().await, Some(Packet::PingReq(_))));
        peer.send(&[0xD0, 0]).await;
    }
}

#[tokio::test]
async fn a_broker_that_violates_the_protocol_receives_a_disconnect_with_the_reason() {
    // A second CONNACK; a PUBACK that ends within its identifier; a packet over the announced maximum.
    let rows: [(&[u8], DisconnectReasonCode); 3] = [
        (CONNACK, DisconnectReasonCode::ProtocolError),
        (&[0x40, 1, 0], DisconnectReasonCode::MalformedPacket),
        (&[0x40, 0xFF, 0xFF, 0x7F], DisconnectReasonCode::PacketTooLarge),
    ];
    for (bytes, expected) in rows {
        let broker = ScriptedBroker::start().await;
        let _pool = pool(&broker);
        let mut peer = broker.accept(CONNACK).await;
        peer.send(bytes).await;
        let disconnect = match peer.packet().await {
            Some(Packet::Disconnect(disconnect)) => disconnect,
            other => panic!("DISCONNECT {expected:?}, not {other:?}"),
        };
        assert_eq!(disconnect.reason_code, expected);
        assert_eq!(peer.packet().await, None);
        broker.accept(CONNACK_SESSION_PRESENT).await;
    }
}

#[tokio::test]
async fn a_qos_0_message_is_finished_when_it_is_written() {
    let (_broker, pool, mut peer) = connected().await;
    assert_eq!(outcome(publish(&pool, Target::at_most_once("t"), "x")).await.unwrap(), Delivery::Written);
    let sent = peer.publish().await;
    assert_eq!((sent.qos, sent.dup, sent.pkid), (QoS::AtMostOnce, false, 0));
}

#[tokio::test]
async fn messages_of_one_topic_use_one_session_and_keep_their_order() {
    let broker = ScriptedBroker::start().await;
    let pool = pool_with(&broker, |config| config.sessions = Sessions::Shared(3));
    let (seen, mut arrived) = mpsc::unbounded_channel();
    for session in 0..3 {
        let mut peer = broker.accept(CONNACK).await;
        let seen = seen.clone();
        tokio::spawn(async move {
            loop {
                let publish = peer.publish().await;
                peer.acknowledge(&publish).await;
                seen.send((session, publish.payload)).unwrap();
            }
        });
    }
    soon(pool.connected()).await;
    let payloads: [&[u8]; 8] = [b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7"];
    // They are spawned on one thread, so they run in this order.
    let tasks = payloads.map(|payload| publish(&pool, "a/b", payload));
    let mut sessions = HashSet::new();
    for expected in payloads {
        let (session, payload) = soon(arrived.recv()).await.unwrap();
        assert_eq!(payload, expected);
        sessions.insert(session);
    }
    assert_eq!(sessions.len(), 1);
    expect_all_acknowledged(tasks).await;
}

#[tokio::test]
async fn a_message_of_512_kib_arrives_unchanged() {
    let (_broker, pool, mut peer) = connected().await;
    let payload: Vec<u8> = (0u8..=255).cycle().take(512 * 1024).collect();
    let before = publish(&pool, "t", "before");
    let large = publish(&pool, "t", payload.clone());
    let after = publish(&pool, "t", "after");
    for expected in [&b"before"[..], &payload, b"after"] {
        let publish = peer.publish().await;
        assert!(publish.payload == expected);
        peer.acknowledge(&publish).await;
    }
    expect_all_acknowledged([before, large, after]).await;
}

#[tokio::test]
async fn a_closed_pool_disconnects_and_ends_its_sessions() {
    let (_broker, pool, mut peer) = connected().await;
    soon(pool.connected()).await;
    soon(pool.close()).await;
    peer.expect_disconnect().await;
    let error = error(publish(&pool, "t", "x")).await;
    assert!(matches!(error, PublishError::BrokerUnavailable(_)), "{error:?}");
}

#[tokio::test]
async fn messages_in_flight_are_sent_again_if_the_broker_has_the_session_and_given_up_if_it_has_lost_it() {
    let broker = AutomaticBroker::start();
    let pool = Arc::new(Pool::start(config(broker.address())).unwrap());
    soon(pool.connected()).await;
    for is_lost in [false, true] {
        broker.behave(Conduct { is_silent: true, ..Conduct::default() });
        let tasks: Vec<_> = (0..3).map(|number| publish(&pool, "t", format!("{is_lost} {number}"))).collect();
        let copies = || {
            let seen = broker.seen();
            let of_now = seen.copies.iter().filter(|(payload, _)| payload.starts_with(&is_lost.to_string()));
            of_now.map(|(_, copies)| *copies).collect::<Vec<_>>()
        };
        soon(async {
            while copies().len() < 3 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        broker.behave(Conduct::default());
        if is_lost {
            broker.lose_sessions();
            for task in tasks {
                let error = error(task).await;
                assert!(matches!(error, PublishError::ConnectionLost(Loss::Session)), "{error:?}");
            }
            assert_eq!(copies(), [Copies { first: 1, again: 0, acknowledged: 0 }; 3]);
        } else {
            broker.cut();
            expect_all_acknowledged(tasks).await;
            assert_eq!(copies(), [Copies { first: 1, again: 1, acknowledged: 1 }; 3]);
        }
    }
}
