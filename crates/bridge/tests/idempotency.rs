//! Requests with an Idempotency-Key, with a scripted broker.

mod support;

use std::time::Duration;

use scripted_broker::{CONNACK, CONNACK_SESSION_PRESENT, PATIENCE, Peer, ScriptedBroker, soon};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use support::{Answer, Running, connected};

const KEY: &str = "idempotency-key: \"k-1\"\r\n";

/// A bridge with a short publish time-out, and its connection to the broker.
async fn impatient(broker: &ScriptedBroker) -> (Running, Peer) {
    connected(broker, |settings| {
        let timeout = Duration::from_millis(300);
        (settings.http.publish_timeout, settings.mqtt.publish_timeout) = (timeout, timeout);
    })
    .await
}

/// Status, whether it is the answer to an earlier request, and the code of a problem.
fn shown(answer: &Answer) -> (u16, bool, String) {
    let code = if answer.status >= 400 { answer.code() } else { String::new() };
    (answer.status, answer.field("idempotent-replayed") == Some("true"), code)
}

async fn post(bridge: &Running, query: &str, fields: &str, body: &str) -> (u16, bool, String) {
    shown(&soon(bridge.post(query, fields, body)).await.unwrap())
}

/// Expects the first request with [`KEY`] to publish, and acknowledges it.
async fn publish_first(bridge: &Running, peer: &mut Peer, reason_code: u8) -> (u16, bool, String) {
    let task = bridge.post("topic=a", KEY, "hello");
    let sent = peer.publish().await;
    peer.refuse(&sent, reason_code, "").await;
    shown(&soon(task).await.unwrap())
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_if_that_is_final_and_publishes_otherwise() {
    // The Reason Code of the PUBACK, the answer, and whether a repeat gets it.
    let rows = [
        (0x00, 204, "", true),
        (0x10, 202, "", true),
        (0x87, 403, "NotAuthorized", true),
        (0x99, 400, "PayloadFormatInvalid", true),
        (0x97, 429, "QuotaExceeded", false),
        (0x80, 500, "UnspecifiedError", false),
        (0x91, 503, "PacketIdentifierInUse", false),
    ];
    for (reason_code, status, code, is_kept) in rows {
        let broker = ScriptedBroker::start().await;
        let (bridge, mut peer) = connected(&broker, |_| {}).await;
        let first = publish_first(&bridge, &mut peer, reason_code).await;
        assert_eq!(first, (status, false, code.to_owned()));
        if is_kept {
            let repeat = post(&bridge, "topic=a", KEY, "hello").await;
            assert_eq!(repeat, (status, true, code.to_owned()));
            assert!(peer.is_quiet().await, "nothing is published");
        } else {
            assert_eq!(publish_first(&bridge, &mut peer, 0x00).await, (204, false, String::new()));
        }
    }
}

#[tokio::test]
async fn a_replay_has_the_reason_code_and_its_own_request_id() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    publish_first(&bridge, &mut peer, 0x87).await;
    let fields = format!("{KEY}x-request-id: second\r\n");
    let answer = soon(bridge.post("topic=a", &fields, "hello")).await.unwrap();
    assert_eq!(answer.field("mqtt-reason-code"), Some("135"));
    assert_eq!(answer.field("x-request-id"), Some("second"));
}

#[tokio::test]
async fn qos_0_is_published_once_too() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    for is_replayed in [false, true] {
        assert_eq!(post(&bridge, "topic=a&qos=0", KEY, "x").await, (202, is_replayed, String::new()));
    }
    peer.publish().await;
    assert!(peer.is_quiet().await);
}

#[tokio::test]
async fn another_message_with_the_same_key_is_422_and_another_topic_or_client_has_its_own_keys() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    publish_first(&bridge, &mut peer, 0x00).await;
    for (query, body) in [("topic=a", "other"), ("topic=a&retain=1", "hello")] {
        let reused = (422, false, "IdempotencyKeyReused".to_owned());
        assert_eq!(post(&bridge, query, KEY, body).await, reused, "{query}");
    }
    let other_client = format!("{KEY}x-mqtt-client-id: other\r\n");
    for (query, fields) in [("topic=b", KEY), ("topic=a", other_client.as_str())] {
        let task = bridge.post(query, fields, "other");
        let sent = peer.publish().await;
        peer.acknowledge(&sent).await;
        assert_eq!(shown(&soon(task).await.unwrap()), (204, false, String::new()), "{query}");
    }
}

#[tokio::test]
async fn a_key_in_use_is_409_until_its_message_is_acknowledged() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    let first = bridge.post("topic=a", KEY, "hello");
    let sent = peer.publish().await;
    let answer = soon(bridge.post("topic=a", KEY, "hello")).await.unwrap();
    assert_eq!(shown(&answer), (409, false, "IdempotencyKeyInUse".to_owned()));
    assert_eq!(answer.field("retry-after"), Some("1"));
    peer.acknowledge(&sent).await;
    assert_eq!(shown(&soon(first).await.unwrap()).0, 204);
    assert_eq!(post(&bridge, "topic=a", KEY, "hello").await, (204, true, String::new()));
}

#[tokio::test]
async fn after_504_a_repeat_waits_for_the_first_puback() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = impatient(&broker).await;
    let first = bridge.post("topic=a", KEY, "hello");
    let sent = peer.publish().await;
    let timed_out = (504, false, "AcknowledgementTimeout".to_owned());
    assert_eq!(shown(&soon(first).await.unwrap()), timed_out);

    assert_eq!(post(&bridge, "topic=a", KEY, "hello").await, timed_out, "it waits, and no longer");
    let repeat = bridge.post("topic=a", KEY, "hello");
    tokio::time::sleep(Duration::from_millis(50)).await;
    bridge.post("topic=a&qos=0", "", "marker").await.unwrap();
    peer.expect_publish(b"marker").await;
    peer.acknowledge(&sent).await;
    assert_eq!(shown(&soon(repeat).await.unwrap()), (204, true, String::new()));
}

#[tokio::test]
async fn after_504_a_repeat_publishes_once_the_first_puback_cannot_come() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = impatient(&broker).await;
    let first = bridge.post("topic=a", KEY, "hello");
    peer.publish().await;
    assert_eq!(shown(&soon(first).await.unwrap()).0, 504);
    drop(peer);

    let mut peer = broker.accept(CONNACK_SESSION_PRESENT).await;
    let repeat = bridge.post("topic=a", KEY, "hello");
    let sent = peer.publish().await;
    assert!(!sent.dup);
    peer.acknowledge(&sent).await;
    assert_eq!(shown(&soon(repeat).await.unwrap()), (204, false, String::new()));
}

#[tokio::test]
async fn a_repeat_joins_the_message_of_a_client_that_went_away() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    let mut stream = TcpStream::connect(bridge.address).await.unwrap();
    let request =
        format!("POST /mqtt/messages?topic=a HTTP/1.1\r\nhost: b\r\n{KEY}content-length: 5\r\n\r\nhello");
    stream.write_all(request.as_bytes()).await.unwrap();
    let sent = peer.publish().await;
    drop(stream);

    // The bridge notices after a moment that the client has gone.
    let mut repeat = bridge.post("topic=a", KEY, "hello");
    for _ in 0..PATIENCE.as_millis() / 100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if !repeat.is_finished() {
            break;
        }
        assert_eq!(repeat.await.unwrap().status, 409);
        repeat = bridge.post("topic=a", KEY, "hello");
    }
    assert!(peer.is_quiet().await, "nothing is published");
    peer.acknowledge(&sent).await;
    assert_eq!(shown(&soon(repeat).await.unwrap()), (204, true, String::new()));
}

#[tokio::test]
async fn a_message_that_was_not_sent_leaves_its_key_free() {
    let broker = ScriptedBroker::start().await;
    // Maximum QoS 0.
    let (bridge, mut peer) = {
        let bridge = support::start(support::settings(&broker)).await;
        let peer = broker.accept(&[0x20, 5, 0, 0, 2, 0x24, 0]).await;
        (bridge, peer)
    };
    let refused = (400, false, "QosNotSupported".to_owned());
    for _ in 0..2 {
        assert_eq!(post(&bridge, "topic=a", KEY, "hello").await, refused);
    }
    assert!(peer.is_quiet().await);
    drop(peer);
    let mut peer = broker.accept(CONNACK).await;
    assert_eq!(publish_first(&bridge, &mut peer, 0x00).await.0, 204);
}

#[tokio::test]
async fn a_dry_run_uses_no_key() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    assert_eq!(post(&bridge, "topic=a&dry-run=1", KEY, "other").await.0, 200);
    assert_eq!(publish_first(&bridge, &mut peer, 0x00).await, (204, false, String::new()));
}

#[tokio::test]
async fn the_limits_hold_and_the_metrics_show_them() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |settings| settings.keys.keys = 2).await;
    let key = |number: u32| format!("idempotency-key: {number}\r\n");
    for number in 0..3 {
        let task = bridge.post("topic=a", &key(number), "x");
        let sent = peer.publish().await;
        peer.acknowledge(&sent).await;
        soon(task).await.unwrap();
    }
    assert_eq!(post(&bridge, "topic=a", &key(2), "x").await, (204, true, String::new()));
    let metrics = bridge.get("/metrics").await.body;
    for expected in [
        "postmqtt_bridge_idempotency_keys 2",
        "postmqtt_bridge_idempotency_keys_limit 2",
        "postmqtt_bridge_idempotency_evictions_total 1",
        "postmqtt_bridge_idempotent_replays_total 1",
    ] {
        assert!(metrics.lines().any(|line| line == expected), "{expected}: {metrics}");
    }
    // The oldest key made room.
    let task = bridge.post("topic=a", &key(0), "x");
    let sent = peer.publish().await;
    peer.acknowledge(&sent).await;
    assert_eq!(shown(&soon(task).await.unwrap()), (204, false, String::new()));
}
