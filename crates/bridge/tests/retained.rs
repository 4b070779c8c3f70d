//! Retained messages over loopback HTTP, with a scripted broker.

mod support;

use std::num::NonZeroU16;
use std::time::Duration;

use mqtt_sessions::retained::ReadConfig;
use mqtt_sessions::subscriber::IncomingLimits;
use postmqtt_bridge::cli::Settings;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish, PublishProperties};
use scripted_broker::{CONNACK, PATIENCE, Peer, ScriptedBroker, soon, unsuback};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use support::{Answer, Running, connected};

fn with_retained(settings: &mut Settings) {
    settings.retained = Some(ReadConfig {
        incoming: IncomingLimits {
            maximum_packet_size: 1024 * 1024,
            receive_maximum: NonZeroU16::new(100).unwrap(),
        },
        connections: 4,
        quiet: Duration::from_millis(10),
        timeout: PATIENCE,
    });
}

fn ask(bridge: &Running, method: &str, rest: &str, fields: &str) -> JoinHandle<Answer> {
    let request = format!(
        "{method} /mqtt/retainedMessages{rest} HTTP/1.1\r\nhost: b\r\nconnection: close\r\n{fields}\r\n"
    );
    let address = bridge.address;
    tokio::spawn(async move {
        let stop = tokio_util::sync::CancellationToken::new();
        let running = Running { address, stop, task: tokio::spawn(async {}) };
        running.send(&request).await
    })
}

/// Serves one read: these messages, and no more.
async fn serve(broker: &ScriptedBroker, filter: &str, messages: &[Publish]) -> Peer {
    let mut peer = broker.accept(CONNACK).await;
    let subscribe = peer.expect_subscribe(0x01).await;
    assert_eq!(subscribe.filters[0].path, filter);
    for message in messages {
        peer.deliver(message.clone()).await;
    }
    while let Some(packet) = peer.packet().await {
        match packet {
            Packet::PingReq(_) => peer.send(&[0xD0, 0]).await,
            Packet::PubAck(_) => {}
            Packet::Unsubscribe(unsubscribe) => peer.send(&unsuback(unsubscribe.pkid, 0)).await,
            Packet::Disconnect(_) => break,
            other => panic!("{other:?}"),
        }
    }
    peer
}

fn retained(topic: &str, payload: &'static str) -> Publish {
    Publish { pkid: 1, retain: true, ..Publish::new(topic, QoS::AtLeastOnce, payload, None) }
}

#[tokio::test]
async fn a_retained_message_is_answered_as_it_is_with_its_properties() {
    let broker = ScriptedBroker::start().await;
    let (bridge, _publisher) = connected(&broker, with_retained).await;
    let mut message = retained("pumps/7/ä", "on");
    message.properties = Some(PublishProperties {
        content_type: Some("text/plain".to_owned()),
        correlation_data: Some(vec![1, 2].into()),
        user_properties: vec![("a".to_owned(), "1".to_owned())],
        message_expiry_interval: Some(60),
        ..PublishProperties::default()
    });
    let messages = [message];
    let mut tags = Vec::new();
    for method in ["GET", "HEAD"] {
        let task = ask(&bridge, method, "/message?topic=pumps/7/%C3%A4", "");
        serve(&broker, "pumps/7/ä", &messages).await;
        let answer = soon(task).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body, if method == "GET" { "on" } else { "" });
        let expected = [
            ("content-type", "text/plain"),
            ("content-length", "2"),
            ("mqtt-correlation-data", "AQI="),
            ("mqtt-user-properties", "W3siYSI6IjEifV0="),
            ("mqtt-message-expiry", "60"),
            ("x-ms-mqtt-topic", "pumps%2F7%2F%C3%A4"),
            ("x-ms-mqtt-qos", "1"),
            ("x-ms-mqtt-size", "2"),
            ("x-content-type-options", "nosniff"),
        ];
        for (name, value) in expected {
            assert_eq!(answer.field(name), Some(value), "{method} {name}");
        }
        let expiry = answer.field("x-ms-mqtt-expiry").unwrap();
        assert!(expiry.len() == 20 && expiry.ends_with('Z'), "{expiry}");
        tags.push(answer.field("etag").unwrap().to_owned());
    }
    assert_eq!(tags[0], tags[1]);

    for (fields, status) in [
        (format!("if-none-match: {}\r\n", tags[0]), 304),
        (format!("if-none-match: \"x\", W/{}\r\n", tags[0]), 304),
        ("if-none-match: \"x\"\r\n".to_owned(), 200),
    ] {
        let task = ask(&bridge, "GET", "/message?topic=pumps/7/%C3%A4", &fields);
        serve(&broker, "pumps/7/ä", &messages).await;
        let answer = soon(task).await.unwrap();
        assert_eq!((answer.status, answer.field("etag")), (status, Some(tags[0].as_str())), "{fields}");
    }
}

#[tokio::test]
async fn a_topic_without_a_retained_message_is_404() {
    let broker = ScriptedBroker::start().await;
    let (bridge, _publisher) = connected(&broker, with_retained).await;
    let task = ask(&bridge, "GET", "/message?topic=a", "");
    serve(&broker, "a", &[]).await;
    let answer = soon(task).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (404, "NoRetainedMessage"));
}

#[tokio::test]
async fn each_read_is_counted_once_by_its_outcome() {
    let broker = ScriptedBroker::start().await;
    let (bridge, _publisher) = connected(&broker, with_retained).await;
    let messages = [retained("a", "on")];
    let rows: [(&str, &str, &[Publish], u16); 4] = [
        ("/message?topic=a", "", &messages, 200),
        ("?topicFilter=a", "", &messages, 200),
        ("/message?topic=a", "if-none-match: *\r\n", &messages, 304),
        ("/message?topic=a", "", &[], 404),
    ];
    for (rest, fields, messages, status) in rows {
        let task = ask(&bridge, "GET", rest, fields);
        serve(&broker, "a", messages).await;
        assert_eq!(soon(task).await.unwrap().status, status, "{rest} {fields}");
    }
    assert_eq!(soon(ask(&bridge, "GET", "?topicFilter=a%23", "")).await.unwrap().status, 400);
    let metrics = bridge.get("/metrics").await.body;
    for (outcome, expected) in [("answered", 2), ("unchanged", 1), ("missing", 1), ("refused", 1)] {
        let line = format!("postmqtt_bridge_retained_reads_total{{outcome=\"{outcome}\"}} {expected}");
        assert!(metrics.lines().any(|given| given == line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn a_list_has_pages_in_the_order_of_the_topics() {
    let broker = ScriptedBroker::start().await;
    let (bridge, _publisher) = connected(&broker, with_retained).await;
    let messages = ["a/3", "a/1", "a/5", "a/2", "a/4"].map(|topic| retained(topic, "xyz"));
    let mut rest = "?topicFilter=a/%23&maxResults=2".to_owned();
    let mut pages = Vec::new();
    loop {
        let task = ask(&bridge, "GET", &rest, "");
        serve(&broker, "a/#", &messages).await;
        let answer = soon(task).await.unwrap();
        assert_eq!((answer.status, answer.field("content-type")), (200, Some("application/json")));
        let page: Value = serde_json::from_str(&answer.body).unwrap();
        let entries = page["retainedMessages"].as_array().unwrap();
        pages.push(
            entries.iter().map(|entry| entry["topic"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
        );
        assert_eq!(entries[0]["size"], 3);
        assert_eq!((&entries[0]["qos"], &entries[0]["expiry"]), (&json!(1), &Value::Null));
        let Some(link) = page["nextLink"].as_str() else { break };
        link.strip_prefix("/mqtt/retainedMessages").unwrap().clone_into(&mut rest);
    }
    assert_eq!(pages, [vec!["a/1", "a/2"], vec!["a/3", "a/4"], vec!["a/5"]]);
}

#[tokio::test]
async fn an_invalid_request_makes_no_connection_and_another_method_names_those_that_exist() {
    let broker = ScriptedBroker::start().await;
    let (bridge, _publisher) = connected(&broker, with_retained).await;
    let answer = soon(ask(&bridge, "GET", "?topicFilter=a%23", "")).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidTopicFilter"));
    let answer = soon(ask(&bridge, "DELETE", "/message?topic=a", "")).await.unwrap();
    assert_eq!((answer.status, answer.field("allow")), (405, Some("GET, HEAD")));
    assert!(broker.is_left_alone().await);
    let metrics = bridge.get("/metrics").await.body;
    assert!(metrics.contains("postmqtt_bridge_refusals_total{code=\"InvalidTopicFilter\"} 1"), "{metrics}");
}

#[tokio::test]
async fn a_bridge_on_which_they_are_off_has_nothing_at_their_paths() {
    let broker = ScriptedBroker::start().await;
    let (bridge, _publisher) = connected(&broker, |_| {}).await;
    for rest in ["?topicFilter=a", "/message?topic=a"] {
        let answer = soon(ask(&bridge, "GET", rest, "")).await.unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (404, "NotFound"));
    }
    assert!(broker.is_left_alone().await);
}

#[tokio::test]
async fn a_broker_that_refuses_the_subscription_is_502() {
    let broker = ScriptedBroker::start().await;
    let (bridge, _publisher) = connected(&broker, with_retained).await;
    let task = ask(&bridge, "GET", "/message?topic=a", "");
    broker.accept(CONNACK).await.expect_subscribe(0x87).await;
    let answer = soon(task).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (502, "SubscriptionFailed"));
}
