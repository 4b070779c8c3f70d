//! Batches, with a scripted broker.

mod support;

use http_publish::batch::{MAX_BYTES, MAX_LINES};
use mqtt_sessions::budget::InFlightLimits;
use scripted_broker::{ScriptedBroker, soon};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use support::{Answer, Running, connected};

fn post(bridge: &Running, query: &str, fields: &str, body: &str) -> JoinHandle<Answer> {
    let length = body.len();
    let request = format!(
        "POST /mqtt/messages/batch{query} HTTP/1.1\r\nhost: b\r\nconnection: close\r\n{fields}content-length: {length}\r\n\r\n{body}"
    );
    let address = bridge.address;
    tokio::spawn(async move {
        let running = Running { address, stop: CancellationToken::new(), task: tokio::spawn(async {}) };
        running.send(&request).await
    })
}

fn lines(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.field("content-type"), Some("application/x-ndjson"), "{answer:?}");
    assert!(answer.field("x-request-id").is_some());
    let lines: Vec<Value> = answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answer.field("mqtt-batch-size"), Some(lines.len().to_string().as_str()));
    let refused = lines.iter().filter(|line| line.get("code").is_some()).count();
    assert_eq!(answer.field("mqtt-batch-refused"), Some(refused.to_string().as_str()));
    assert_eq!(answer.status, if refused == 0 { 200 } else { 207 });
    lines
}

#[tokio::test]
async fn the_messages_are_written_together_and_answered_in_order() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    let body: String =
        (0..50).map(|number| format!("{{\"topic\":\"t/{number}\",\"payload\":\"{number}\"}}\n")).collect();
    let task = post(&bridge, "", "", &body);
    let sent = peer.publishes(50).await;
    for (number, publish) in sent.iter().enumerate() {
        let topic = std::str::from_utf8(&publish.topic).unwrap();
        assert_eq!(
            (topic, &*publish.payload),
            (format!("t/{number}").as_str(), number.to_string().as_bytes())
        );
    }
    // The broker answers in another order.
    for (number, publish) in sent.iter().enumerate().rev() {
        peer.refuse(publish, if number == 7 { 0x10 } else { 0x00 }, "").await;
    }
    let expected = (0..50).map(|index| match index {
        7 => json!({ "index": 7, "status": 202, "mqttReasonCode": 16 }),
        index => json!({ "index": index, "status": 204, "mqttReasonCode": 0 }),
    });
    assert_eq!(lines(&soon(task).await.unwrap()), expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_line_that_is_refused_spoils_only_itself() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    let body = [
        r#"{"topic":"a","payload":"1"}"#,
        "nonsense",
        r##"{"topic":"a/#","qos":7}"##,
        r#"{"topic":"denied","payload":"2"}"#,
        r#"{"topic":"a","payload":"3","qos":0}"#,
    ];
    let task = post(&bridge, "", "", &body.join("\n"));
    let sent = peer.publishes(3).await;
    peer.acknowledge(&sent[0]).await;
    peer.refuse(&sent[1], 0x87, "no").await;
    let lines = lines(&soon(task).await.unwrap());
    let shown = |line: &Value| (line["index"].clone(), line["status"].clone(), line["code"].clone());
    let expected = [
        (json!(0), json!(204), Value::Null),
        (json!(1), json!(400), json!("InvalidBatchLine")),
        (json!(2), json!(400), json!("InvalidQos")),
        (json!(3), json!(403), json!("NotAuthorized")),
        (json!(4), json!(202), Value::Null),
    ];
    assert_eq!(lines.iter().map(shown).collect::<Vec<_>>(), expected);
    assert_eq!(lines[2]["violations"].as_array().map(Vec::len), Some(2));
    assert_eq!(lines[3]["mqttReasonString"], "no");

    let metrics = bridge.get("/metrics").await.body;
    for code in ["InvalidBatchLine", "InvalidQos", "NotAuthorized"] {
        let line = format!("postmqtt_bridge_refusals_total{{code=\"{code}\"}} 1");
        assert!(metrics.lines().any(|given| given == line), "{line}");
    }
}

#[tokio::test]
async fn with_a_topic_in_the_query_the_lines_name_none() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    let fields = "mqtt-user-properties: [{\"who\":\"me\"}]\r\n";
    let body = "{\"payload\":\"1\",\"userProperties\":[[\"who\",\"root\"],[\"a\",\"1\"]]}\n{\"topic\":\"b\"}";
    let task = post(&bridge, "?topic=a%2Fb", fields, body);
    let sent = peer.publish().await;
    assert_eq!(&*sent.topic, b"a/b");
    let expected = [("a", "1"), ("who", "me")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(sent.properties.as_ref().unwrap().user_properties, expected);
    peer.acknowledge(&sent).await;
    let lines = lines(&soon(task).await.unwrap());
    assert_eq!((&lines[0]["status"], &lines[1]["code"]), (&json!(204), &json!("DuplicateParameter")));
}

#[tokio::test]
async fn a_dry_run_shows_every_message_and_publishes_none() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    let answer = post(&bridge, "?dry-run=1", "", "{\"topic\":\"a\",\"payload\":\"xyz\"}\n{\"topic\":\"+\"}")
        .await
        .unwrap();
    let lines = lines(&answer);
    let publish = json!({
        "topicName": "a", "qos": 1, "retain": false, "payloadFormatIndicator": 0, "payloadBytes": 3,
    });
    assert_eq!(lines[0], json!({ "index": 0, "dryRun": true, "publish": publish }));
    assert_eq!(lines[1]["code"], "TopicWildcard");
    assert!(peer.is_quiet().await);
}

#[tokio::test]
async fn what_is_no_batch_is_refused_as_a_whole() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    let many = "{\"topic\":\"a\"}\n".repeat(MAX_LINES + 1);
    let large = format!("{{\"topic\":\"a\"}}{}", " ".repeat(usize::try_from(MAX_BYTES).unwrap()));
    let rows = [
        ("", "", 400, "InvalidBatchLine"),
        ("", "[]\nnonsense", 400, "InvalidBatchLine"),
        ("", many.as_str(), 413, "PayloadTooLarge"),
        ("", large.as_str(), 413, "PayloadTooLarge"),
        ("?qos=1", "{\"topic\":\"a\"}", 400, "UnknownParameter"),
        ("?topic=%2B", "{}", 403, "TopicWildcard"),
    ];
    for (query, body, status, code) in rows {
        let answer = soon(post(&bridge, query, "", body)).await.unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{query}");
    }
    let answer = bridge.get("/mqtt/messages/batch").await;
    assert_eq!((answer.status, answer.field("allow")), (405, Some("POST")));
    assert!(peer.is_quiet().await);
}

#[tokio::test]
async fn messages_over_the_budget_are_503_and_the_others_are_published() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |settings| {
        settings.in_flight = InFlightLimits { messages: 3, bytes: 1 << 20 };
    })
    .await;
    let task = post(&bridge, "?topic=a", "", "{}\n{}\n{}\n{}");
    // The request itself takes a place.
    for sent in peer.publishes(2).await {
        peer.acknowledge(&sent).await;
    }
    let statuses: Vec<_> =
        lines(&soon(task).await.unwrap()).iter().map(|line| line["status"].clone()).collect();
    assert_eq!(statuses, [204, 204, 503, 503]);
}
