//! What a publisher is told, and what a subscriber then has.

use std::collections::BTreeSet;

use end_to_end::{Edge, Message, Request};

#[test]
fn the_status_says_what_the_broker_said() {
    let edge = Edge::shared();
    let heard = edge.topic("heard");
    let unheard = edge.topic("unheard");
    let subscriber = edge.subscribe_to(&[&heard]);
    // The topic, the QoS, the status, and the Reason Code: 0 too where nothing acknowledges it.
    let rows = [
        (&heard, "1", 204, Some("0")),
        (&unheard, "1", 202, Some("16")),
        (&heard, "0", 202, Some("0")),
        (&unheard, "0", 202, Some("0")),
    ];
    for endpoint in edge.with_and_without() {
        for (topic, qos, status, reason_code) in rows {
            let answer = endpoint.send(Request::publish(topic).header("mqtt-qos", qos).body("x"));
            answer.expect_published(status);
            assert_eq!(answer.header("mqtt-reason-code"), reason_code, "{topic} {qos} at {endpoint:?}");
        }
        let received: Vec<_> = subscriber.next_many(2).iter().map(|message| message.qos).collect();
        assert_eq!(received, [1, 0], "{endpoint:?}");
    }
}

#[test]
fn a_retained_message_is_kept_replaced_and_cleared() {
    let edge = Edge::shared();
    for (number, endpoint) in edge.with_and_without().into_iter().enumerate() {
        let topic = edge.topic(&format!("retained{number}"));
        let publish = |request: Request| {
            let answer = endpoint.send(request.header("mqtt-retain", "1"));
            // 204 where an earlier subscriber is not gone yet.
            answer.expect_published(if answer.status == 204 { 204 } else { 202 });
        };
        let kept = || {
            let subscriber = edge.subscribe_to(&[&topic]);
            edge.published_until_now(&subscriber, &topic)
        };
        assert_eq!(kept(), [], "{endpoint:?}");
        for payload in ["first", "second"] {
            publish(Request::publish(&topic).header("content-type", "text/plain").body(payload));
            let expected = Message {
                retain: true,
                content_type: Some("text/plain".to_owned()),
                ..Message::new(&topic, payload)
            };
            assert_eq!(kept(), [expected], "{endpoint:?}");
        }
        // What is not retained changes nothing.
        assert!(endpoint.send(Request::publish(&topic)).status < 300, "{endpoint:?}");
        assert_eq!(kept().len(), 1, "{endpoint:?}");
        publish(Request::publish(&topic));
        assert_eq!(kept(), [], "{endpoint:?}");
    }
}

#[test]
fn the_demonstrations_broker_keeps_and_clears_retained_messages() {
    let edge = Edge::start("demonstration", |stack| stack);
    for (number, endpoint) in edge.with_and_without().into_iter().enumerate() {
        let topic = edge.topic(&format!("retained{number}"));
        let kept = || {
            let subscriber = edge.subscribe_to(&[&topic]);
            edge.published_until_now(&subscriber, &topic)
        };
        for (payload, expected) in [("first", 1), ("second", 1), ("", 0)] {
            let request = Request::publish(&topic).and("&retain=1").body(payload);
            assert!(endpoint.send(request).status < 300, "{endpoint:?}");
            let kept = kept();
            assert_eq!(kept.len(), expected, "{endpoint:?}");
            assert!(kept.iter().all(|message| message.text() == payload && message.retain), "{kept:?}");
        }
    }
}

#[test]
fn a_retained_message_is_cleared_with_an_empty_payload_that_has_properties() {
    let edge = Edge::shared();
    let topic = edge.topic("cleared");
    edge.send(Request::publish(&topic).and("&retain=1").body("kept")).expect_published(202);
    let request = Request::publish(&topic).and("&retain=1").header("mqtt-payload-format-indicator", "1");
    edge.send(request.header("mqtt-user-properties", "[{\"a\":\"b\"}]").chunks([""; 0]))
        .expect_published(202);
    let subscriber = edge.subscribe();
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn every_answer_names_its_request_by_an_id_of_its_own() {
    let edge = Edge::shared();
    let topic = edge.topic("ids");
    let requests = [
        Request::publish(&topic),
        Request::publish(&topic).and("&qos=2"),
        Request::publish(&topic).and("&dry-run=1"),
        Request::publish(&topic).without_token(),
        Request::post("/elsewhere"),
        Request::publish(&topic).method("GET"),
    ];
    let mut seen = BTreeSet::new();
    for endpoint in edge.with_and_without() {
        for request in &requests {
            let answer = endpoint.send(request.clone());
            assert!(seen.insert(answer.request_id().to_owned()), "twice: {answer:?}");
        }
    }
}

#[test]
fn a_request_id_that_comes_from_outside_is_not_taken_for_one() {
    let edge = Edge::shared();
    for id in ["chosen-by-the-client", "6f1f5b0e-0000-4000-8000-000000000000", "<script>", ""] {
        for target in ["/mqtt/messages?topic=a", "/mqtt/messages?topic=a&qos=2", "/elsewhere"] {
            let answer = edge.send(Request::post(target).header("x-request-id", id));
            assert_ne!(answer.request_id(), id, "{target}");
            assert!(!answer.text().contains("chosen"), "{target}: {}", answer.text());
        }
    }
}

#[test]
fn another_method_is_405_and_says_which_is_right() {
    let edge = Edge::shared();
    let topic = edge.topic("methods");
    let subscriber = edge.subscribe();
    for endpoint in edge.with_and_without() {
        for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "HEAD"] {
            let answer = endpoint.send(Request::publish(&topic).method(method));
            assert_eq!(
                (answer.status, answer.header("allow")),
                (405, Some("POST")),
                "{method} at {endpoint:?}"
            );
            if method == "HEAD" {
                assert_eq!(
                    (answer.text().as_str(), answer.header("content-type")),
                    ("", Some("application/problem+json"))
                );
            } else {
                assert_eq!(answer.expect_problem().code, "MethodNotAllowed", "{method} at {endpoint:?}");
            }
        }
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn another_path_is_404_and_says_so() {
    let edge = Edge::shared();
    let topic = edge.topic("paths");
    let subscriber = edge.subscribe();
    let paths = [
        "/",
        "/mqtt",
        "/mqtt/",
        "/mqtt/message",
        "/mqtt/messages/",
        "/mqtt/messages/more",
        "/mqtt/messagesmore",
        "/MQTT/messages",
        "/mqtt/Messages",
        "/mqtt/messages;a=b",
        "/mqtt/messages&topic=a",
        "/mqtt/messages%3Ftopic=a",
        "/mqtt/%6Dessages%20",
        "/x/mqtt/messages",
    ];
    for endpoint in edge.with_and_without() {
        for path in paths {
            for method in ["POST", "GET"] {
                let request = Request::post(format!("{path}?topic={topic}")).method(method);
                let problem = endpoint.send(request).expect_problem();
                assert_eq!(
                    (problem.status, problem.code.as_str()),
                    (404, "NotFound"),
                    "{path} at {endpoint:?}"
                );
            }
        }
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn a_dry_run_says_what_would_be_published_and_publishes_nothing() {
    let edge = Edge::shared();
    let topic = edge.topic("dry-run");
    let subscriber = edge.subscribe();
    for endpoint in edge.with_and_without() {
        for retain in ["0", "1"] {
            let request = Request::publish(&topic)
                .and("&dry-run=1")
                .header("mqtt-retain", retain)
                .header("mqtt-user-properties", r#"[{"b":"1"},{"a":"2","b":"1"}]"#)
                .header("mqtt-response-topic", "a%2Fb")
                .header("mqtt-correlation-data", "-_8")
                .body("12345");
            let answer = endpoint.send(request);
            assert_eq!(answer.status, 200, "{endpoint:?}: {}", answer.text());
            assert_eq!(answer.header("content-type"), Some("application/json"), "{endpoint:?}");
            let shown: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            let expected = serde_json::json!({
                "topicName": topic, "qos": 1, "retain": retain == "1", "responseTopic": "a/b",
                "correlationData": "+/8=", "userProperties": [["b", "1"], ["a", "2"], ["b", "1"]],
                "payloadFormatIndicator": 0, "payloadBytes": 5,
            });
            assert_eq!((&shown["publish"], &shown["dryRun"]), (&expected, &true.into()), "{endpoint:?}");
            assert_eq!(shown["requestId"], answer.request_id());
        }
        let misspelt = Request::publish(&topic).and("&dry-run=1&retian=1&utm=1").header("mqtt-expiry", "60");
        let shown: serde_json::Value = serde_json::from_slice(&endpoint.send(misspelt).body).unwrap();
        let expected = serde_json::json!([
            { "parameter": "retian", "in": "query", "meant": { "parameter": "retain", "in": "query" } },
            {
                "parameter": "mqtt-expiry", "in": "header",
                "meant": { "parameter": "mqtt-message-expiry", "in": "header" },
            },
        ]);
        assert_eq!(shown["ignored"], expected, "{endpoint:?}");
        let refused = endpoint.send(Request::publish(&topic).and("&dry-run=1&qos=2")).expect_problem();
        assert_eq!((refused.status, refused.code.as_str()), (400, "InvalidQos"), "{endpoint:?}");
        let unclear = endpoint.send(Request::publish(&topic).and("&dry-run=yes")).expect_problem();
        assert_eq!(unclear.places(), [("query", "dry-run", "InvalidDryRun")], "{endpoint:?}");
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn a_dry_run_shows_the_key_and_the_preference_and_uses_neither() {
    let edge = Edge::shared();
    let topic = edge.topic("dry-run/more");
    let subscriber = edge.subscribe();
    for (number, endpoint) in edge.with_and_without().into_iter().enumerate() {
        let key = format!("\"key-{number}\"");
        let keyed = Request::publish(&topic).header("idempotency-key", &key).body("keyed");
        let waiting = Request::publish(&topic).header("prefer", "respond-async, wait=20");
        for (request, member, expected) in [
            (keyed.clone(), "idempotencyKey", key.trim_matches('"')),
            (waiting, "prefer", "respond-async, wait=20"),
        ] {
            let answer = endpoint.send(request.and("&dry-run=1"));
            assert_eq!(answer.status, 200, "{endpoint:?}: {}", answer.text());
            let shown: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(shown[member], expected, "{endpoint:?}");
            assert_eq!(answer.header("preference-applied"), None, "{endpoint:?}");
        }
        let published = endpoint.send(keyed);
        published.expect_published(204);
        assert_eq!(published.header("idempotent-replayed"), None, "{endpoint:?}");
    }
    let received = edge.published_until_now(&subscriber, &topic);
    assert!(received.iter().all(|message| message.text() == "keyed"), "{received:?}");
    assert_eq!(received.len(), edge.with_and_without().len());
}
