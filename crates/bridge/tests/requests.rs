//! Requests that wait for a reply, over loopback HTTP, with a scripted broker.

mod support;

use std::num::{NonZeroU16, NonZeroU32};
use std::time::{Duration, Instant};

use mqtt_sessions::budget::InFlightLimits;
use mqtt_sessions::replies::RepliesConfig;
use mqtt_sessions::subscriber::IncomingLimits;
use postmqtt_bridge::cli::{RequestSettings, Settings};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Publish, PublishProperties};
use scripted_broker::{CONNACK, Peer, ScriptedBroker, soon};
use serde_json::Value;

use support::{Answer, Running, connected};

fn with_requests(settings: &mut Settings) {
    settings.requests = Some(RequestSettings {
        longest_wait: NonZeroU32::new(20).unwrap(),
        replies: RepliesConfig {
            topic_prefix: "replies".to_owned(),
            incoming: IncomingLimits {
                maximum_packet_size: 1024 * 1024,
                receive_maximum: NonZeroU16::new(100).unwrap(),
            },
            waiting: InFlightLimits { messages: 2, bytes: 1000 },
        },
    });
}

/// A bridge, the session that publishes, and the one that receives replies once its first request has made it.
async fn requesting(broker: &ScriptedBroker) -> (Running, Peer, Peer) {
    let (bridge, mut publisher) = connected(broker, with_requests).await;
    let first = bridge.post("topic=first", "prefer: wait=20\r\n", "x");
    let mut subscriber = broker.accept(CONNACK).await;
    subscriber.expect_subscribe(0x01).await;
    let sent = publisher.publish().await;
    publisher.acknowledge(&sent).await;
    subscriber.deliver(reply_to(&sent, "y")).await;
    subscriber.puback().await;
    assert_eq!(soon(first).await.unwrap().status, 200);
    (bridge, publisher, subscriber)
}

fn reply_to(sent: &Publish, payload: &str) -> Publish {
    let asked = sent.properties.clone().unwrap();
    let topic = asked.response_topic.unwrap();
    let properties =
        PublishProperties { correlation_data: asked.correlation_data, ..PublishProperties::default() };
    let publish = Publish::new(topic, QoS::AtLeastOnce, payload.to_owned(), Some(properties));
    Publish { pkid: 1, ..publish }
}

fn document(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn the_reply_is_the_answer_with_its_properties_and_the_requests_correlation_data() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut publisher, mut subscriber) = requesting(&broker).await;
    let fields = "prefer: wait=20\r\nmqtt-correlation-data: AQI=\r\nmqtt-response-topic: elsewhere\r\n";
    let task = bridge.post("topic=pumps/7/command", fields, "stop");
    let sent = publisher.publish().await;
    assert_eq!((&sent.topic[..], &sent.payload[..]), (&b"pumps/7/command"[..], &b"stop"[..]));
    let asked = sent.properties.clone().unwrap();
    assert!(asked.response_topic.as_ref().unwrap().starts_with("replies/"));
    assert_eq!(asked.correlation_data.as_ref().unwrap().len(), 16);
    publisher.acknowledge(&sent).await;

    let mut reply = reply_to(&sent, "stopped");
    let properties = reply.properties.as_mut().unwrap();
    properties.content_type = Some("text/plain".to_owned());
    properties.user_properties = vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
    properties.payload_format_indicator = Some(1);
    subscriber.deliver(reply).await;
    let answer = soon(task).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "stopped"));
    let expected = [
        ("content-type", "text/plain"),
        ("mqtt-correlation-data", "AQI="),
        ("mqtt-user-properties", "W3siYSI6IjEifSx7ImEiOiIyIn1d"),
        ("mqtt-payload-format-indicator", "1"),
        ("preference-applied", "wait=20"),
        ("x-content-type-options", "nosniff"),
    ];
    for (name, value) in expected {
        assert_eq!(answer.field(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn without_correlation_data_in_the_request_the_answer_has_none() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut publisher, mut subscriber) = requesting(&broker).await;
    let task = bridge.post("topic=a", "prefer: wait=20\r\n", "x");
    let sent = publisher.publish().await;
    // The reply may come before the PUBACK.
    subscriber.deliver(reply_to(&sent, "")).await;
    let answer = soon(task).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(answer.field("mqtt-correlation-data"), None);
    assert_eq!(answer.field("mqtt-reason-code"), None);
}

#[tokio::test]
async fn a_topic_without_subscribers_is_answered_at_once() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut publisher, _subscriber) = requesting(&broker).await;
    for fields in ["prefer: wait=20\r\n", "prefer: wait=20, respond-async\r\n"] {
        let task = bridge.post("topic=a", fields, "x");
        let sent = publisher.publish().await;
        publisher.refuse(&sent, 0x10, "").await;
        let answer = soon(task).await.unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (503, "NoResponder"));
        assert_eq!(document(&answer)["mqttReasonCode"], 16);
    }
}

#[tokio::test]
async fn without_a_reply_in_time_the_answer_says_that_the_message_was_published() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut publisher, _subscriber) = requesting(&broker).await;
    let start = Instant::now();
    let task = bridge.post("topic=a", "prefer: wait=1\r\n", "x");
    let sent = publisher.publish().await;
    publisher.acknowledge(&sent).await;
    let answer = soon(task).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!((answer.status, answer.code().as_str()), (504, "NoReply"));
    assert_eq!(document(&answer)["mqttReasonCode"], 0);

    let task = bridge.post("topic=a", "prefer: respond-async, wait=1\r\n", "x");
    let sent = publisher.publish().await;
    publisher.acknowledge(&sent).await;
    let answer = soon(task).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    assert_eq!(answer.field("preference-applied"), Some("respond-async, wait=1"));
    assert_eq!(answer.field("mqtt-reason-code"), Some("0"));

    let task = bridge.post("topic=a", "prefer: wait=1\r\n", "x");
    publisher.publish().await;
    let answer = soon(task).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (504, "AcknowledgementTimeout"));
}

#[tokio::test]
async fn a_problem_says_what_was_waited_unless_the_wait_decided_nothing() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut publisher, _subscriber) = requesting(&broker).await;
    let rows = [
        (Some(0x00), "wait=1", 504, "NoReply", Some("wait=1")),
        (Some(0x10), "wait=3600", 503, "NoResponder", Some("wait=20")),
        (Some(0x10), "respond-async, wait=2", 503, "NoResponder", Some("respond-async, wait=2")),
        (Some(0x87), "wait=20", 403, "NotAuthorized", None),
        (None, "wait=1", 504, "AcknowledgementTimeout", Some("wait=1")),
    ];
    for (puback, prefer, status, code, applied) in rows {
        let task = bridge.post("topic=a", &format!("prefer: {prefer}\r\n"), "x");
        let sent = publisher.publish().await;
        match puback {
            Some(0) => publisher.acknowledge(&sent).await,
            Some(reason_code) => publisher.refuse(&sent, reason_code, "").await,
            None => {}
        }
        let answer = soon(task).await.unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (status, code));
        assert_eq!(answer.field("preference-applied"), applied, "{code}");
    }
    let refused = soon(bridge.post("topic=a/%2B", "prefer: wait=20\r\n", "x")).await.unwrap();
    assert_eq!((refused.status, refused.field("preference-applied")), (403, None));
}

#[tokio::test]
async fn a_late_reply_reaches_nobody_and_is_counted() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut publisher, mut subscriber) = requesting(&broker).await;
    let task = bridge.post("topic=a", "prefer: wait=1\r\n", "x");
    let late = publisher.publish().await;
    publisher.acknowledge(&late).await;
    assert_eq!(soon(task).await.unwrap().status, 504);
    let task = bridge.post("topic=a", "prefer: wait=20\r\n", "x");
    let sent = publisher.publish().await;
    publisher.acknowledge(&sent).await;
    subscriber.deliver(reply_to(&late, "late")).await;
    subscriber.puback().await;
    subscriber.deliver(reply_to(&sent, "in time")).await;
    assert_eq!(soon(task).await.unwrap().body, "in time");
    let metrics = bridge.get("/metrics").await.body;
    for line in [
        "postmqtt_bridge_replies_total{outcome=\"delivered\"} 2",
        "postmqtt_bridge_replies_total{outcome=\"dropped\"} 1",
        "postmqtt_bridge_waiting_requests 0",
        "postmqtt_bridge_waiting_requests_limit 2",
        "postmqtt_bridge_refusals_total{code=\"NoReply\"} 1",
    ] {
        assert!(metrics.lines().any(|given| given == line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn a_longer_wait_is_cut_to_the_longest() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut publisher, mut subscriber) = requesting(&broker).await;
    let task = bridge.post("topic=a", "prefer: wait=3600\r\n", "x");
    let sent = publisher.publish().await;
    publisher.acknowledge(&sent).await;
    subscriber.deliver(reply_to(&sent, "y")).await;
    assert_eq!(soon(task).await.unwrap().field("preference-applied"), Some("wait=20"));
    let dry_run = soon(bridge.post("topic=a&dry-run=1", "prefer: wait=3600\r\n", "x")).await.unwrap();
    assert_eq!(document(&dry_run)["prefer"], "wait=20");
}

#[tokio::test]
async fn a_bridge_on_which_nothing_waits_publishes_and_does_not_apply_the_preference() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut publisher) = connected(&broker, |_| {}).await;
    let task = bridge.post("topic=a", "prefer: wait=20\r\nmqtt-response-topic: b\r\n", "x");
    let sent = publisher.publish().await;
    assert_eq!(sent.properties.as_ref().unwrap().response_topic.as_deref(), Some("b"));
    publisher.acknowledge(&sent).await;
    let answer = soon(task).await.unwrap();
    assert_eq!((answer.status, answer.field("preference-applied")), (204, None));
}

#[tokio::test]
async fn a_refused_subscription_is_502_and_nothing_is_published() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut publisher) = connected(&broker, with_requests).await;
    let task = bridge.post("topic=a", "prefer: wait=20\r\n", "x");
    broker.accept(CONNACK).await.expect_subscribe(0x87).await;
    let answer = soon(task).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (502, "SubscriptionFailed"));
    assert_eq!(document(&answer)["mqttReasonCode"], 0x87);
    assert!(publisher.is_quiet().await);
}

#[tokio::test]
async fn over_the_limit_of_waiting_requests_the_answer_is_503_and_nothing_is_published() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut publisher, _subscriber) = requesting(&broker).await;
    let waiting: Vec<_> = (0..2).map(|_| bridge.post("topic=a", "prefer: wait=2\r\n", "x")).collect();
    for _ in &waiting {
        let sent = publisher.publish().await;
        publisher.acknowledge(&sent).await;
    }
    let answer = soon(bridge.post("topic=a", "prefer: wait=2\r\n", "x")).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (503, "Overloaded"));
    assert!(publisher.is_quiet().await);
    for task in waiting {
        assert_eq!(soon(task).await.unwrap().status, 504);
    }
}

#[tokio::test]
async fn a_reply_that_there_is_no_room_for_or_that_does_not_fit_is_an_error() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut publisher, mut subscriber) = requesting(&broker).await;
    let large = "x".repeat(1000);
    let mut unusable = Publish::default();
    for (payload, content_type, status, code) in [
        (large.as_str(), "a/b", 503, "Overloaded"),
        ("x", &large[..300], 502, "UnusableMessage"),
        ("x", "a/b\r\nset-cookie: c=d", 502, "UnusableMessage"),
    ] {
        let task = bridge.post("topic=a", "prefer: wait=20\r\n", "x");
        let sent = publisher.publish().await;
        publisher.acknowledge(&sent).await;
        unusable.clone_from(&reply_to(&sent, payload));
        unusable.properties.as_mut().unwrap().content_type = Some(content_type.to_owned());
        subscriber.deliver(unusable.clone()).await;
        let answer = soon(task).await.unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (status, code));
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_wait() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut publisher, mut subscriber) = requesting(&broker).await;
    let task = bridge.post("topic=a", "prefer: wait=20\r\n", "x");
    let sent = publisher.publish().await;
    publisher.acknowledge(&sent).await;
    task.abort();
    let is_waiting = async || bridge.get("/metrics").await.body.contains("waiting_requests 1\n");
    soon(async { while is_waiting().await {} }).await;
    subscriber.deliver(reply_to(&sent, "late")).await;
    subscriber.puback().await;
}

#[tokio::test]
async fn a_bridge_that_stops_finishes_its_waits_within_the_drain_time_out_and_answers_the_others() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut publisher) = connected(&broker, |settings| {
        with_requests(settings);
        settings.http.drain_timeout = Duration::from_millis(300);
    })
    .await;
    let task = bridge.post("topic=a", "prefer: wait=20\r\n", "x");
    let mut subscriber = broker.accept(CONNACK).await;
    subscriber.expect_subscribe(0x01).await;
    let sent = publisher.publish().await;
    publisher.acknowledge(&sent).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    bridge.stop.cancel();
    let answer = soon(task).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (504, "NoReply"));
    assert_eq!(document(&answer)["mqttReasonCode"], 0);
    subscriber.expect_disconnect().await;
    soon(bridge.task).await.unwrap();
}
