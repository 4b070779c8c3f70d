//! A session towards a broker that does what a real one does only now and then.

mod support;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_publish::{Code, ReasonCode};
use postmqtt_bridge::mqtt::config::Credentials;
use postmqtt_bridge::mqtt::{Pool, PublishError, Published};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{DisconnectReasonCode, Packet};
use tokio::task::JoinHandle;

use support::{FakeBroker, Outcome, Peer, WELCOME, WELCOME_BACK, outcome, publish, publish_now, soon};

const ACKNOWLEDGED: Result<Published, PublishError> = Ok(Published::Acknowledged(ReasonCode::SUCCESS));

/// A broker, a pool of one session, and the connection between them.
async fn welcomed() -> (FakeBroker, Arc<Pool>, Peer) {
    let broker = FakeBroker::start().await;
    let pool = broker.pool();
    let peer = broker.accept(WELCOME).await;
    (broker, pool, peer)
}

async fn expect_acknowledged(tasks: impl IntoIterator<Item = JoinHandle<Outcome>>) {
    for task in tasks {
        assert_eq!(outcome(task).await, ACKNOWLEDGED);
    }
}

/// Publishes, and expects it to be what the broker gets next.
async fn expect_published_next(pool: &Arc<Pool>, peer: &mut Peer, payload: &'static [u8]) {
    let task = publish(pool, "t", payload);
    let sent = peer.publish().await;
    assert_eq!(sent.payload, payload);
    peer.acknowledge(&sent).await;
    assert_eq!(outcome(task).await, ACKNOWLEDGED);
}

#[tokio::test]
async fn a_process_starts_clean_with_an_identifier_of_its_own_and_logs_in() {
    let broker = FakeBroker::start().await;
    let login = Credentials { user_name: Some("me".to_owned()), password: Some("secret".to_owned()) };
    let _pools = [
        broker.pool_with(|config| config.credentials = login.clone()),
        broker.pool_with(|config| {
            config.credentials = login.clone();
            config.sessions = 2;
        }),
    ];
    let mut identifiers = HashSet::new();
    for _ in 0..3 {
        let peer = broker.accept(WELCOME).await;
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
async fn a_refusal_and_its_reason_string_reach_the_publisher() {
    let (_broker, pool, mut peer) = welcomed().await;
    let rows = [(0x80, 500), (0x83, 500), (0x87, 403), (0x90, 400), (0x97, 429), (0x99, 400)];
    for (reason_code, status) in rows {
        let task = publish(&pool, "t", b"x");
        let sent = peer.publish().await;
        peer.puback(&sent, reason_code, "because").await;
        let Err(error @ PublishError::Refused(_)) = outcome(task).await else { panic!("{reason_code:#04x}") };
        assert_eq!(error.code().status(), status, "{reason_code:#04x}");
        let PublishError::Refused(reason) = error else { unreachable!() };
        assert_eq!(reason.reason_code, ReasonCode(reason_code));
        assert_eq!(reason.reason_string.as_deref(), Some("because"));
    }
    let task = publish(&pool, "t", b"x");
    let sent = peer.publish().await;
    peer.puback(&sent, 0x10, "").await;
    assert_eq!(outcome(task).await, Ok(Published::Acknowledged(ReasonCode::NO_MATCHING_SUBSCRIBERS)));
}

#[tokio::test]
async fn what_the_connack_forbids_fails_by_itself_and_hurts_nobody() {
    let broker = FakeBroker::start().await;
    let pool = broker.pool();
    // Maximum QoS 0, Retain Available 0, Maximum Packet Size 100.
    let mut peer = broker.accept(&[0x20, 12, 0, 0, 9, 0x24, 0, 0x25, 0, 0x27, 0, 0, 0, 100]).await;

    assert_eq!(outcome(publish(&pool, "t", b"x")).await, Err(PublishError::QosNotSupported));
    assert_eq!(
        outcome(publish(&pool, "t&qos=0&retain=1", b"x")).await,
        Err(PublishError::RetainNotSupported)
    );
    let large = outcome(publish(&pool, "t&qos=0", &[b'x'; 100])).await;
    assert_eq!(large, Err(PublishError::PacketTooLarge { actual: 106, maximum: 100 }));

    assert_eq!(outcome(publish(&pool, "t&qos=0", &[b'x'; 94])).await, Ok(Published::Sent));
    let sent = peer.publish().await;
    assert_eq!((sent.qos, sent.retain, sent.payload.len()), (QoS::AtMostOnce, false, 94));
}

#[tokio::test]
async fn no_more_messages_are_unacknowledged_than_the_broker_takes() {
    let broker = FakeBroker::start().await;
    let pool = broker.pool();
    // Receive Maximum 10.
    let mut peer = broker.accept(&[0x20, 6, 0, 0, 3, 0x21, 0, 10]).await;
    let tasks: Vec<_> = (0..200).map(|_| publish(&pool, "t", b"x")).collect();

    let mut unacknowledged: std::collections::VecDeque<_> = peer.publishes(10).await.into();
    assert!(peer.is_quiet().await, "the eleventh waits");
    for _ in 10..200 {
        peer.acknowledge(&unacknowledged.pop_front().unwrap()).await;
        unacknowledged.push_back(peer.publish().await);
    }
    for sent in &unacknowledged {
        peer.acknowledge(sent).await;
    }
    expect_acknowledged(tasks).await;
}

#[tokio::test]
async fn a_resumed_session_sends_the_unacknowledged_messages_again_in_order() {
    let (broker, pool, mut peer) = welcomed().await;
    let tasks: Vec<_> = (0..20).map(|_| publish(&pool, "t", b"x")).collect();
    let sent = peer.publishes(20).await;
    for publish in sent.iter().step_by(2) {
        peer.acknowledge(publish).await;
    }
    let client_id = peer.connect.client_id.clone();
    drop(peer);

    let mut peer = broker.accept(WELCOME_BACK).await;
    assert!(!peer.connect.clean_start);
    assert_eq!(peer.connect.client_id, client_id);
    let again = peer.publishes(10).await;
    for (publish, before) in again.iter().zip(sent.iter().skip(1).step_by(2)) {
        assert!(publish.dup);
        assert_eq!(publish.pkid, before.pkid);
        peer.acknowledge(publish).await;
    }
    expect_acknowledged(tasks).await;
    let task = publish(&pool, "t", b"x");
    let new = peer.publish().await;
    assert!(!new.dup, "a new message is not a repeated one");
    peer.acknowledge(&new).await;
    assert_eq!(outcome(task).await, ACKNOWLEDGED);
}

#[tokio::test]
async fn a_resumed_session_keeps_to_a_lower_receive_maximum() {
    let (broker, pool, mut peer) = welcomed().await;
    let tasks: Vec<_> = (0..5).map(|_| publish(&pool, "t", b"x")).collect();
    peer.publishes(5).await;
    drop(peer);

    // Session Present, Receive Maximum 2.
    let mut peer = broker.accept(&[0x20, 6, 1, 0, 3, 0x21, 0, 2]).await;
    for _ in 0..2 {
        let pair = peer.publishes(2).await;
        assert!(peer.is_quiet().await);
        for publish in &pair {
            peer.acknowledge(publish).await;
        }
    }
    let last = peer.publish().await;
    peer.acknowledge(&last).await;
    expect_acknowledged(tasks).await;
}

#[tokio::test]
async fn when_the_broker_has_lost_the_session_unacknowledged_messages_fail_at_once() {
    let (broker, pool, mut peer) = welcomed().await;
    let tasks: Vec<_> = (0..20).map(|_| publish(&pool, "t", b"x")).collect();
    let sent = peer.publishes(20).await;
    for publish in &sent[..10] {
        peer.acknowledge(publish).await;
    }
    drop(peer);

    let mut peer = broker.accept(WELCOME).await;
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(outcome(task).await);
    }
    let lost =
        outcomes.iter().filter(|outcome| matches!(outcome, Err(PublishError::ConnectionLost(_)))).count();
    assert_eq!((lost, outcomes.iter().filter(|outcome| **outcome == ACKNOWLEDGED).count()), (10, 10));
    assert!(peer.is_quiet().await, "nothing is sent again");
}

#[tokio::test]
async fn a_broker_that_closes_after_a_denied_publish_costs_the_others_nothing() {
    let (broker, pool, mut peer) = welcomed().await;
    let denied = publish(&pool, "denied", b"x");
    let sent = peer.publish().await;
    let others: Vec<_> = (0..10).map(|_| publish(&pool, "t", b"x")).collect();
    peer.publishes(10).await;
    peer.puback(&sent, 0x87, "").await;
    drop(peer);
    let late = publish(&pool, "t", b"late");

    let mut peer = broker.accept(WELCOME_BACK).await;
    for _ in 0..11 {
        let publish = peer.publish().await;
        peer.acknowledge(&publish).await;
    }
    assert_eq!(outcome(denied).await.unwrap_err().code(), Code::NotAuthorized);
    expect_acknowledged(others).await;
    assert_eq!(outcome(late).await, ACKNOWLEDGED);
}

#[tokio::test]
async fn a_message_that_makes_the_broker_close_is_found_and_given_up() {
    let broker = FakeBroker::start().await;
    let pool = broker.pool();
    let poison = publish(&pool, "poison", b"x");
    let mut peer = broker.accept(WELCOME).await;
    assert_eq!(&peer.publish().await.topic[..], b"poison");
    let others: Vec<_> = (0..5).map(|_| publish(&pool, "t", b"x")).collect();
    peer.publishes(5).await;
    // DISCONNECT 0x95, Packet too large.
    peer.send(&[0xE0, 1, 0x95]).await;
    drop(peer);

    let mut acknowledged = 0;
    while acknowledged < others.len() {
        let mut peer = broker.accept(WELCOME_BACK).await;
        while let Some(Packet::Publish(publish)) = peer.packet().await {
            if &publish.topic[..] == b"poison" {
                peer.send(&[0xE0, 1, 0x95]).await;
                break;
            }
            peer.acknowledge(&publish).await;
            acknowledged += 1;
            if acknowledged == others.len() {
                break;
            }
        }
    }
    assert!(matches!(outcome(poison).await, Err(PublishError::ConnectionLost(_))));
    expect_acknowledged(others).await;
}

#[tokio::test]
async fn a_message_in_flight_when_the_broker_goes_for_good_times_out() {
    let broker = FakeBroker::start().await;
    let pool = broker.pool_with(|config| config.publish_timeout = Duration::from_millis(500));
    let mut peer = broker.accept(WELCOME).await;
    let task = publish(&pool, "t", b"x");
    peer.publish().await;
    drop((peer, broker));
    assert_eq!(outcome(task).await, Err(PublishError::AcknowledgementTimeout));
}

#[tokio::test]
async fn a_broker_may_assign_another_client_identifier() {
    let broker = FakeBroker::start().await;
    let _pool = broker.pool();
    // Assigned Client Identifier "abc".
    drop(broker.accept(&[0x20, 9, 0, 0, 6, 0x12, 0, 3, b'a', b'b', b'c']).await);
    assert_eq!(broker.accept(WELCOME_BACK).await.connect.client_id, "abc");
}

#[tokio::test]
async fn a_late_puback_is_nobody_elses() {
    let broker = FakeBroker::start().await;
    let pool = broker.pool_with(|config| config.publish_timeout = Duration::from_millis(300));
    let mut peer = broker.accept(WELCOME).await;
    let task = publish(&pool, "t", b"first");
    let first = peer.publish().await;
    assert_eq!(outcome(task).await, Err(PublishError::AcknowledgementTimeout));

    let task = tokio::spawn(publish_now(pool.clone(), "t".to_owned(), Bytes::from_static(b"second")));
    let second = peer.publish().await;
    assert_ne!(first.pkid, second.pkid);
    peer.puback(&first, 0x87, "").await;
    peer.acknowledge(&second).await;
    assert_eq!(outcome(task).await, ACKNOWLEDGED);
}

#[tokio::test]
async fn a_message_that_finds_no_room_in_time_is_never_sent() {
    let broker = FakeBroker::start().await;
    let pool = broker.pool_with(|config| config.publish_timeout = Duration::from_millis(500));
    // Receive Maximum 1.
    let mut peer = broker.accept(&[0x20, 6, 0, 0, 3, 0x21, 0, 1]).await;
    let first = publish(&pool, "t", b"first");
    let sent = peer.publish().await;
    let second = publish(&pool, "t", b"second");
    assert_eq!(outcome(first).await, Err(PublishError::AcknowledgementTimeout));
    assert!(matches!(outcome(second).await, Err(PublishError::Overloaded(_))));

    peer.acknowledge(&sent).await;
    expect_published_next(&pool, &mut peer, b"third").await;
}

#[tokio::test]
async fn a_message_whose_publisher_is_gone_before_it_is_sent_is_never_sent() {
    let broker = FakeBroker::start().await;
    let pool = broker.pool();
    // Receive Maximum 1.
    let mut peer = broker.accept(&[0x20, 6, 0, 0, 3, 0x21, 0, 1]).await;
    let first = publish(&pool, "t", b"first");
    let sent = peer.publish().await;
    let gone = publish(&pool, "t", b"gone");
    assert!(peer.is_quiet().await);
    gone.abort();
    assert!(soon(gone).await.unwrap_err().is_cancelled());

    peer.acknowledge(&sent).await;
    assert_eq!(outcome(first).await, ACKNOWLEDGED);
    expect_published_next(&pool, &mut peer, b"third").await;
}

#[tokio::test]
async fn a_refused_login_is_told_at_once_and_tried_again() {
    let rows = [(0x86, 502), (0x87, 502), (0x8A, 502), (0x8C, 502), (0x97, 429), (0x9F, 429), (0x88, 503)];
    for (reason_code, status) in rows {
        let broker = FakeBroker::start().await;
        let pool = broker.pool();
        // With the Reason String "no".
        let refusal = [0x20, 8, 0, reason_code, 5, 0x1F, 0, 2, b'n', b'o'];
        drop(broker.accept(&refusal).await);
        let started = Instant::now();
        let error = outcome(publish(&pool, "t", b"x")).await.unwrap_err();
        assert_eq!(error.code().status(), status, "{reason_code:#04x}");
        let PublishError::ConnectionRefused(reason) = error else { panic!("{error:?}") };
        assert_eq!(reason.reason_string.as_deref(), Some("no"));
        assert!(started.elapsed() < Duration::from_secs(5));

        let mut peer = broker.accept(WELCOME).await;
        soon(pool.connected()).await;
        expect_published_next(&pool, &mut peer, b"x").await;
    }
}

#[tokio::test]
async fn nothing_queues_for_an_absent_broker() {
    let broker = FakeBroker::start().await;
    let config = broker.config();
    drop(broker);
    let pool = Arc::new(Pool::start(config).unwrap());
    let started = Instant::now();
    for _ in 0..3 {
        let error = outcome(publish(&pool, "t", b"x")).await.unwrap_err();
        assert_eq!(error.code(), Code::BrokerUnavailable);
    }
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(!pool.is_connected());
}

#[tokio::test]
async fn a_broker_that_accepts_and_says_nothing_is_absent_after_the_connect_timeout() {
    let broker = FakeBroker::start().await;
    let pool = broker.pool_with(|config| config.connect_timeout = Duration::from_millis(200));
    let error = outcome(publish(&pool, "t", b"x")).await.unwrap_err();
    assert_eq!(error, PublishError::BrokerUnavailable("no connection within 200 ms".to_owned()));
}

#[tokio::test]
async fn a_broker_that_answers_no_pingreq_is_given_up_and_the_session_goes_on() {
    let broker = FakeBroker::start().await;
    let pool = broker.pool_with(|config| config.keep_alive = 1);
    let mut silent = broker.accept(WELCOME).await;
    let task = publish(&pool, "t", b"x");
    let sent = silent.publish().await;
    assert!(matches!(silent.packet().await, Some(Packet::PingReq(_))));

    // `silent` stays open: only the missing answer ends it.
    let mut peer = broker.accept(WELCOME_BACK).await;
    let again = peer.publish().await;
    assert!(again.dup);
    assert_eq!(again.pkid, sent.pkid);
    peer.acknowledge(&again).await;
    assert_eq!(outcome(task).await, ACKNOWLEDGED);
}

#[tokio::test]
async fn the_brokers_own_keep_alive_counts() {
    let broker = FakeBroker::start().await;
    let _pool = broker.pool();
    // Server Keep Alive 1.
    let mut peer = broker.accept(&[0x20, 6, 0, 0, 3, 0x13, 0, 1]).await;
    for _ in 0..3 {
        assert!(matches!(peer.packet().await, Some(Packet::PingReq(_))));
        peer.send(&[0xD0, 0]).await;
    }
}

#[tokio::test]
async fn a_broker_that_breaks_the_protocol_is_told_so() {
    // A second CONNACK; a PUBACK that ends within its identifier; a packet over the announced maximum.
    let rows: [(&[u8], DisconnectReasonCode); 3] = [
        (WELCOME, DisconnectReasonCode::ProtocolError),
        (&[0x40, 1, 0], DisconnectReasonCode::MalformedPacket),
        (&[0x40, 0xFF, 0xFF, 0x7F], DisconnectReasonCode::PacketTooLarge),
    ];
    for (bytes, expected) in rows {
        let broker = FakeBroker::start().await;
        let _pool = broker.pool();
        let mut peer = broker.accept(WELCOME).await;
        peer.send(bytes).await;
        let disconnect = match peer.packet().await {
            Some(Packet::Disconnect(disconnect)) => disconnect,
            other => panic!("DISCONNECT {expected:?}, not {other:?}"),
        };
        assert_eq!(disconnect.reason_code, expected);
        assert_eq!(peer.packet().await, None);
        broker.accept(WELCOME_BACK).await;
    }
}

#[tokio::test]
async fn a_qos_0_message_is_published_when_it_is_written() {
    let (_broker, pool, mut peer) = welcomed().await;
    assert_eq!(outcome(publish(&pool, "t&qos=0", b"x")).await, Ok(Published::Sent));
    let sent = peer.publish().await;
    assert_eq!((sent.qos, sent.dup, sent.pkid), (QoS::AtMostOnce, false, 0));
}

#[tokio::test]
async fn a_topic_keeps_its_session_and_its_order() {
    let broker = FakeBroker::start().await;
    let pool = broker.pool_with(|config| config.sessions = 3);
    let (seen, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    for session in 0..3 {
        let mut peer = broker.accept(WELCOME).await;
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
    let tasks = payloads.map(|payload| publish(&pool, "a%2Fb", payload));
    let mut sessions = HashSet::new();
    for expected in payloads {
        let (session, payload) = soon(arrived.recv()).await.unwrap();
        assert_eq!(payload, expected);
        sessions.insert(session);
    }
    assert_eq!(sessions.len(), 1);
    expect_acknowledged(tasks).await;
}

#[tokio::test]
async fn a_message_of_512_kib_arrives_whole() {
    let (_broker, pool, mut peer) = welcomed().await;
    let payload: Vec<u8> = (0u8..=255).cycle().take(512 * 1024).collect();
    let before = publish(&pool, "t", b"before");
    let large = tokio::spawn(publish_now(pool.clone(), "t".to_owned(), Bytes::from(payload.clone())));
    let after = publish(&pool, "t", b"after");
    for expected in [&b"before"[..], &payload, b"after"] {
        let publish = peer.publish().await;
        assert!(publish.payload == expected);
        peer.acknowledge(&publish).await;
    }
    expect_acknowledged([before, large, after]).await;
}

#[tokio::test]
async fn a_closed_pool_says_goodbye_and_ends_its_sessions() {
    let (_broker, pool, mut peer) = welcomed().await;
    soon(pool.connected()).await;
    soon(pool.close()).await;
    let Some(Packet::Disconnect(disconnect)) = peer.packet().await else { panic!("DISCONNECT") };
    assert_eq!(disconnect.reason_code, DisconnectReasonCode::NormalDisconnection);
    assert_eq!(disconnect.properties.unwrap().session_expiry_interval, Some(0));
    assert_eq!(peer.packet().await, None);
    let error = outcome(publish(&pool, "t", b"x")).await.unwrap_err();
    assert_eq!(error.code(), Code::BrokerUnavailable);
}
