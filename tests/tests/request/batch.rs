//! Batches, through the edge and without it.

use end_to_end::{Answer, Edge, Endpoint, Message, Request, config};
use serde_json::{Value, json};

fn batch(topic: &str, body: &str) -> Request {
    let topic = end_to_end::percent_encoded(topic);
    Request::post(format!("/mqtt/messages/batch?topic={topic}"))
        .header("content-type", "application/x-ndjson")
        .body(body.to_owned())
}

fn lines(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"), "{answer:?} {}", answer.text());
    answer.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn each(check: impl Fn(&Endpoint, &Edge)) {
    let edge = Edge::shared();
    for endpoint in edge.with_and_without() {
        check(&endpoint, &edge);
    }
}

#[test]
fn the_messages_of_a_batch_arrive_in_order_and_are_answered_in_order() {
    each(|endpoint, edge| {
        let topic = edge.topic("batch/order");
        let subscriber = edge.subscribe();
        let body: String = (0..300).map(|number| format!("{{\"payload\":\"{number}\"}}\n")).collect();
        let answer = endpoint.send(batch(&topic, &body));
        assert_eq!((answer.status, answer.header("mqtt-batch-refused")), (200, Some("0")), "{endpoint:?}");
        let expected: Vec<_> =
            (0..300).map(|index| json!({ "index": index, "status": 204, "mqttReasonCode": 0 })).collect();
        assert_eq!(lines(&answer), expected);
        let received: Vec<_> =
            edge.published_until_now(&subscriber, &topic).iter().map(Message::text).collect();
        assert_eq!(received, (0..300).map(|number: u32| number.to_string()).collect::<Vec<_>>());
    });
}

#[test]
fn a_line_that_is_refused_is_answered_in_its_place_and_the_others_are_published() {
    each(|endpoint, edge| {
        let topic = edge.topic("batch/mixed");
        let subscriber = edge.subscribe();
        let answer = endpoint
            .send(batch(&topic, "{\"payload\":\"a\"}\n!\n{\"topic\":\"x\"}\n{\"payload\":\"b\",\"qos\":0}"));
        assert_eq!((answer.status, answer.header("mqtt-batch-refused")), (207, Some("2")), "{endpoint:?}");
        let shown = |line: &Value| (line["status"].clone(), line["code"].clone());
        let expected = [
            (json!(204), Value::Null),
            (json!(400), json!("InvalidBatchLine")),
            (json!(400), json!("DuplicateParameter")),
            (json!(202), Value::Null),
        ];
        assert_eq!(lines(&answer).iter().map(shown).collect::<Vec<_>>(), expected);
        let received = edge.published_until_now(&subscriber, &topic);
        assert_eq!(received.iter().map(Message::text).collect::<Vec<_>>(), ["a", "b"]);
    });
}

#[test]
fn a_dry_run_of_a_batch_publishes_nothing() {
    each(|endpoint, edge| {
        let topic = edge.topic("batch/dry-run");
        let subscriber = edge.subscribe();
        let answer = endpoint.send(batch(&topic, "{\"payload\":\"a\"}\n{\"qos\":2}").and("&dry-run=1"));
        assert_eq!(answer.status, 207);
        assert_eq!(lines(&answer)[0]["publish"]["topicName"], json!(topic));
        assert_eq!(lines(&answer)[1]["code"], "InvalidQos");
        assert!(edge.published_until_now(&subscriber, &topic).is_empty());
    });
}

#[test]
fn what_is_no_batch_is_refused_as_a_whole() {
    each(|endpoint, edge| {
        let topic = edge.topic("batch/refused");
        let large = format!("{}{}", "{}\n", " ".repeat(1024 * 1024));
        let rows = [
            (batch(&topic, ""), 400, "InvalidBatchLine"),
            (batch("a/+", "{}"), 403, "TopicWildcard"),
            (batch(&topic, "{}").and("&qos=1"), 400, "UnknownParameter"),
            (batch(&topic, &large), 413, "PayloadTooLarge"),
            (batch(&topic, "{}").method("PUT"), 405, "MethodNotAllowed"),
        ];
        for (request, status, code) in rows {
            let problem = endpoint.send(request).expect_problem();
            assert_eq!((problem.status, problem.code.as_str()), (status, code), "{endpoint:?}");
        }
    });
}

#[test]
fn the_edge_permits_a_batch_by_its_topic() {
    let edge = Edge::start("batch", |stack| {
        stack.envoy_config(|envoy| {
            let permissions = json!({
                "topicSpaces": [{ "name": "own", "templates": ["allowed/#"] }],
                "permissionBindings": [{ "name": "all", "clientGroup": "$all", "topicSpace": "own" }],
            });
            config::set(envoy, "permissions", &permissions);
            config::set(
                envoy,
                "enrichment",
                &json!([{ "key": "who", "value": "${client.authenticationName}" }]),
            );
        })
    });
    let subscriber = edge.subscribe_to(&["#"]);
    let spoofed = "{\"payload\":\"x\",\"userProperties\":[[\"who\",\"root\"],[\"a\",\"1\"]]}";
    let answer = edge.send(batch("allowed/a", spoofed));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let line = edge.log_line(&answer);
    assert_eq!((line.text("batchSize"), line.text("batchRefused")), ("1".to_owned(), "0".to_owned()));
    for (request, status, code) in [
        (batch("denied/a", "{}"), 403, "NotPermitted"),
        (Request::post("/mqtt/messages/batch").body("{\"topic\":\"allowed/a\"}"), 400, "MissingTopic"),
        (batch("allowed/a", "{}").without_token(), 401, "Unauthenticated"),
    ] {
        let problem = edge.send(request).expect_problem();
        assert_eq!((problem.status, problem.code.as_str()), (status, code));
    }
    // A line cannot leave the topic that was permitted.
    let answer = edge.send(batch("allowed/a", "{\"topic\":\"denied/a\",\"payload\":\"y\"}\n{}"));
    assert_eq!(lines(&answer)[0]["code"], "DuplicateParameter");

    edge.send(Request::publish("allowed/end").body("end")).expect_published(204);
    let received = subscriber.until(b"end");
    assert_eq!(received.iter().map(Message::text).collect::<Vec<_>>(), ["x", ""]);
    let names: Vec<_> = received[0].user_properties.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a", "who"]);
    assert_ne!(received[0].user_properties[1].1, "root");
}
