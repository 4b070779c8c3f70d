//! Batches, through the edge and without it.

use end_to_end::{Answer, Body, Edge, Endpoint, Message, Protocol, Request, config};
use rig::Filter;
use rig::stack::types::HTTP_CONNECTION_MANAGER;
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
        (Request::post("/mqtt/messages/batch").body("\n"), 400, "InvalidBatchLine"),
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

/// A batch without a topic in the query.
fn lines_of(body: &str) -> Request {
    Request::post("/mqtt/messages/batch").header("content-type", "application/x-ndjson").body(body.to_owned())
}

/// An edge that permits `allowed/#`, adds a User Property, and routes `allowed/elsewhere` to a cluster that does not exist.
fn judging(name: &str) -> Edge {
    Edge::start(name, |stack| {
        stack.envoy_config(|envoy| {
            let permissions = json!({
                "topicSpaces": [{ "name": "own", "templates": ["allowed/#"] }],
                "permissionBindings": [{ "name": "all", "clientGroup": "$all", "topicSpace": "own" }],
            });
            let routes = json!([{ "filters": ["allowed/elsewhere"], "cluster": "elsewhere" }]);
            config::set(envoy, "permissions", &permissions);
            config::set(envoy, "routing", &json!({ "routes": routes }));
            config::set(envoy, "enrichment", &json!([{ "key": "at", "value": "${mqtt.message.topicName}" }]));
        })
    })
}

#[test]
fn the_edge_judges_each_line_of_a_batch_without_a_topic() {
    let edge = judging("batch-lines");
    let subscriber = edge.subscribe_to(&["#"]);
    let body = "{\"topic\":\"allowed/\u{fc}\",\"payload\":\"a\",\"userProperties\":[[\"at\",\"x\"],[\"b\",\"1\"]]}\n\
        {\"topic\":\"denied\",\"payload\":\"no\"}\n\
        {\"topic\":\"allowed/elsewhere\",\"payload\":\"no\"}\n\
        {\"refused\":{\"code\":\"NotPermitted\",\"detail\":\"\"}}\n\n!\n\
        {\"topic\":\"allowed/b\",\"payloadBase64\":\"/w==\",\"qos\":0}";
    let expected = [
        (json!(204), Value::Null),
        (json!(403), json!("NotPermitted")),
        (json!(400), json!("MissingTopic")),
        (json!(400), json!("InvalidBatchLine")),
        (json!(400), json!("InvalidBatchLine")),
        (json!(202), Value::Null),
    ];
    let protocols = [Protocol::Http1, Protocol::Http2];
    for protocol in protocols {
        let endpoint = edge.at(protocol);
        // The second chunk ends in the middle of a character.
        let chunked = || {
            lines_of("").chunks(
                [&body.as_bytes()[..9], &body.as_bytes()[9..19], &body.as_bytes()[19..]].map(<[u8]>::to_vec),
            )
        };
        let requests = [
            lines_of(body).header("x-mqtt-judged-lines", "1"),
            chunked(),
            chunked().trailer("x-mqtt-judged-lines", "1"),
        ];
        for request in requests {
            let answer = endpoint.send(request);
            assert_eq!(
                (answer.status, answer.header("mqtt-batch-refused")),
                (207, Some("4")),
                "{}",
                answer.text()
            );
            let shown = |line: &Value| (line["status"].clone(), line["code"].clone());
            let lines = lines(&answer);
            assert_eq!(lines.iter().map(shown).collect::<Vec<_>>(), expected, "{protocol:?}");
            assert!(lines.iter().enumerate().all(|(index, line)| line["index"] == index));
        }
    }
    edge.send(Request::publish("allowed/end").body("end")).expect_published(204);
    // Messages of different topics have no order.
    let mut received = subscriber.until(b"end");
    received.sort_by(|one, other| one.topic.cmp(&other.topic));
    let of_each = protocols.len() * 3;
    assert_eq!(received.len(), 2 * of_each);
    let (bytes, text) = received.split_at(of_each);
    for message in bytes {
        assert_eq!((message.topic.as_str(), message.payload.as_slice()), ("allowed/b", &b"\xff"[..]));
    }
    for message in text {
        assert_eq!((message.topic.as_str(), message.payload.as_slice()), ("allowed/\u{fc}", &b"a"[..]));
        let pairs: Vec<_> =
            message.user_properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("b", "1"), ("at", "allowed/\u{fc}")]);
    }
}

#[test]
fn a_batch_of_which_every_line_is_refused_publishes_nothing() {
    let edge = judging("batch-refused");
    let answer = edge.send(lines_of("{\"topic\":\"denied\"}\n{\"topic\":\"denied\"}"));
    assert_eq!((answer.status, answer.header("mqtt-batch-refused")), (207, Some("2")));
    let problem = edge.send(lines_of("!\n{}x")).expect_problem();
    assert_eq!((problem.status, problem.code.as_str()), (400, "InvalidBatchLine"));
    let shown = edge.send(lines_of("{\"topic\":\"allowed/a\"}\n{\"topic\":\"denied\"}").and("?dry-run=1"));
    let shown = lines(&shown);
    assert_eq!(shown[0]["publish"]["userProperties"], json!([["at", "allowed/a"]]));
    assert_eq!(shown[1]["code"], "NotPermitted");
}

#[test]
fn a_batch_that_is_larger_than_the_listener_holds_is_413() {
    let edge = Edge::start("batch-buffer", |stack| {
        stack.envoy_config(|envoy| {
            config::set(envoy, "enrichment", &json!([{ "key": "a", "value": "1" }]));
            let listeners = envoy.value()["static_resources"]["listeners"].as_array_mut().expect("listeners");
            for listener in listeners {
                listener["per_connection_buffer_limit_bytes"] = json!(32 * 1024);
            }
        })
    });
    let topic = edge.topic("batch/buffer");
    let subscriber = edge.subscribe();
    let line = json!({ "topic": topic, "payload": "x".repeat(1000) }).to_string();
    let body = |lines: usize| vec![line.as_str(); lines].join("\n");
    let endpoint = edge.at(Protocol::Http1);
    assert_eq!(endpoint.send(lines_of(&body(20))).status, 200);
    // It announces more than Envoy's filter for short payloads takes, which has a limit of its own.
    let problem = endpoint.send(lines_of(&body(120))).expect_problem();
    assert_eq!((problem.status, problem.code.as_str()), (413, "PayloadTooLarge"));
    // Over HTTP/2 the limit is the window of a stream.
    assert_eq!(edge.at(Protocol::Http2).send(lines_of(&body(120))).status, 200);
    assert_eq!(edge.published_until_now(&subscriber, &topic).len(), 140);
}

/// An edge that holds 32 KiB and says so, without the filters and the mappings of `envoy.yaml` that control planes do not have.
fn holding_32_kib() -> Edge {
    Edge::start("batch-held", |stack| {
        stack.envoy_config(|envoy| {
            config::set(
                envoy,
                "routing",
                &json!({ "routes": [{ "filters": ["elsewhere"], "cluster": "elsewhere" }] }),
            );
            config::set(envoy, "heldBatchBytes", &json!(32 * 1024));
            envoy.each(HTTP_CONNECTION_MANAGER, |manager| {
                manager["local_reply_config"].take();
                if let Some(filters) = manager["http_filters"].as_array_mut() {
                    filters.retain(|filter| filter["name"] != "short_payloads");
                }
            });
            let listeners = envoy.value()["static_resources"]["listeners"].as_array_mut().expect("listeners");
            for listener in listeners {
                listener["per_connection_buffer_limit_bytes"] = json!(32 * 1024);
            }
        })
    })
}

#[test]
fn a_batch_that_is_larger_than_the_edge_says_it_holds_is_refused_by_the_filter() {
    let edge = holding_32_kib();
    let topic = edge.topic("batch/held");
    let _subscriber = edge.subscribe();
    let is_native = Filter::of_this_run().expect("a filter") == Filter::Native;
    let lines = |bytes: usize| {
        let line = format!("{}\n", json!({ "topic": topic, "payload": "x".repeat(900) }));
        let mut body = line.repeat(bytes / line.len()).into_bytes();
        body.resize(bytes, b' ');
        body
    };
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let endpoint = edge.at(protocol);
        for (bytes, fits) in [(32 * 1024, true), (32 * 1024 + 1, false), (100_000, false)] {
            let body = lines(bytes);
            let pieces = |size: usize| Body::chunked(body.chunks(size).map(<[u8]>::to_vec));
            let bodies = [
                (true, Body::sized(body.clone())),
                (false, pieces(bytes)),
                (false, pieces(1000)),
                (false, pieces(16 * 1024)),
            ];
            for (is_announced, body) in bodies {
                let answer = endpoint.send(lines_of("").with_body(body));
                let context = format!("{protocol:?}, {bytes} bytes, announced: {is_announced}");
                assert_eq!(answer.status, if fits { 200 } else { 413 }, "{context}: {}", answer.text());
                // Over HTTP/1.1, Envoy counts a piece before it shows it to a WebAssembly filter.
                let is_first = is_announced || protocol == Protocol::Http2 || is_native;
                if !fits && is_first {
                    let problem = answer.expect_problem();
                    assert_eq!(problem.code, "PayloadTooLarge", "{context}");
                    assert_eq!(problem.document["violations"][0]["limit"], json!(32 * 1024), "{context}");
                }
            }
        }
    }
}

#[test]
fn a_bridge_believes_a_refusal_only_of_a_batch_that_an_edge_judged() {
    let edge = Edge::shared();
    let refusal = r#"{"refused":{"code":"NotPermitted","detail":"no","violations":[]}}"#;
    let topic = edge.topic("batch/refusal");
    let _subscriber = edge.subscribe();
    let body = format!("{refusal}\n{}", json!({ "topic": topic }));
    for (request, expected) in [
        (lines_of(&body), json!([400, "InvalidBatchLine"])),
        (lines_of(&body).header("x-mqtt-judged-lines", "1"), json!([403, "NotPermitted"])),
    ] {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let answer = edge.bridge(protocol).send(request.clone());
            let lines = lines(&answer);
            assert_eq!(json!([lines[0]["status"], lines[0]["code"]]), expected, "{protocol:?}");
            assert_eq!((answer.status, &lines[1]["status"]), (207, &json!(204)));
        }
    }
}
