//! The head of a request: what leaves it, what is changed, what is refused.

use edge::Outcome;
use http_publish::{Code, QoS};

use crate::fake_host::Request;
use crate::{OPEN, config};

#[test]
fn a_request_to_another_path_goes_on_as_it_came() {
    for target in ["/", "/mqtt", "/mqtt/messages/", "/mqtt/messagesx?topic=a", "/MQTT/messages?topic=a"] {
        let fate = Request::post(target).field("mqtt-qos", "7").chunks([b"\xff"]).send(&config(OPEN));
        assert!(fate.is_sent(), "{target}");
        assert_eq!((fate.changes.as_slice(), fate.outcomes.as_slice()), (&[][..], &[][..]), "{target}");
    }
}

#[test]
fn what_only_the_edge_may_set_leaves_every_request_and_its_trailers() {
    for target in ["/mqtt/messages?topic=a", "/elsewhere"] {
        let fate = Request::post(target)
            .field("x-mqtt-client-id", "root")
            .field("x-mqtt-cluster", "admin")
            .field("x-mqtt-client-id", "root")
            .chunks([b"x"])
            .trailers(&["x-mqtt-cluster", "checksum", "x-mqtt-client-id"])
            .send(&config(OPEN));
        assert!(fate.is_sent(), "{target}");
        assert_eq!((fate.field("x-mqtt-client-id"), fate.field("x-mqtt-cluster")), (None, None), "{target}");
        assert_eq!(fate.trailers, ["checksum"], "{target}");
    }
}

#[test]
fn only_the_fields_that_differ_from_the_normal_form_are_written() {
    let rows: &[(&str, &[(&str, &str)], &[&str])] = &[
        ("/mqtt/messages?topic=a", &[("mqtt-qos", "1"), ("mqtt-retain", "0")], &[]),
        ("/mqtt/messages?topic=a", &[("mqtt-qos", "1")], &["mqtt-retain=0"]),
        (
            "/mqtt/messages?qos=0&topic=a/b&x=1",
            &[("mqtt-qos", "1"), ("mqtt-retain", "0")],
            &[":path=/mqtt/messages?topic=a%2Fb", "mqtt-qos=0"],
        ),
        (
            "/mqtt/messages?topic=a",
            &[("mqtt-qos", "1"), ("mqtt-retain", "0"), ("mqtt-message-expiry", "0")],
            &["mqtt-message-expiry=-"],
        ),
        (
            "/mqtt/messages?topic=a",
            &[("mqtt-qos", "1"), ("mqtt-retain", "0"), ("mqtt-correlation-data", "-_8")],
            &["mqtt-correlation-data=+/8="],
        ),
        (
            "/mqtt/messages?topic=a",
            &[("mqtt-qos", "1"), ("mqtt-retain", "0"), ("idempotency-key", "k-1")],
            &["idempotency-key=\"k-1\""],
        ),
        (
            "/mqtt/messages?topic=a",
            &[("mqtt-qos", "1"), ("mqtt-retain", "0"), ("idempotency-key", "\"k-1\"")],
            &[],
        ),
    ];
    for (target, fields, expected) in rows {
        let request = fields.iter().fold(Request::post(target), |r, (name, value)| r.field(name, value));
        let fate = request.send(&config(OPEN));
        assert!(fate.is_sent());
        assert_eq!(fate.changes, *expected, "{target} {fields:?}");
    }
}

#[test]
fn a_refusal_is_a_problem_with_the_request_id_and_details_for_the_access_log() {
    let request = Request::post("/mqtt/messages?topic=a&qos=2").field("x-request-id", "id-1").chunks([b"x"]);
    let fate = request.send(&config(OPEN));
    let answer = fate.answer.as_ref().expect("an answer");
    assert_eq!((answer.status, answer.details.as_str()), (400, "postmqtt{InvalidQos}"));
    assert!(answer.fields.contains(&("content-type".into(), "application/problem+json".into())));
    assert!(answer.fields.contains(&("x-request-id".into(), "id-1".into())));
    assert_eq!((&answer.body["code"], &answer.body["requestId"]), (&"InvalidQos".into(), &"id-1".into()));
    assert_eq!(fate.outcomes, [Outcome::Refused(Code::InvalidQos)]);
    assert_eq!((fate.head, fate.body), (None, vec![]), "nothing of it goes on");
}

#[test]
fn another_method_is_refused_with_the_one_that_is_allowed() {
    let request = Request::default().field(":method", "PUT").field(":path", "/mqtt/messages?topic=a");
    let answer = request.send(&config(OPEN)).answer.expect("an answer");
    assert_eq!(answer.status, 405);
    assert!(answer.fields.contains(&("allow".into(), "POST".into())));
}

#[test]
fn every_request_to_the_path_is_counted_once_when_its_fate_is_known() {
    let small = r#"{"clientId": {"from": "none"}, "limits": {"payloadBytes": 3}}"#;
    let post = |query: &str| Request::post(&format!("/mqtt/messages?topic=a{query}"));
    let rows = [
        (post(""), Outcome::Sent(QoS::AtLeastOnce)),
        (post("&qos=0").chunks([b"a", b"b"]), Outcome::Sent(QoS::AtMostOnce)),
        (post("").chunks([b"a"]).trailers(&[]), Outcome::Sent(QoS::AtLeastOnce)),
        (post("").field("content-length", "1").chunks([b"a", b""]), Outcome::Sent(QoS::AtLeastOnce)),
        (post("&dry-run=1"), Outcome::DryRun),
        (post("&dry-run=1").field("content-length", "1").chunks([b"a", b""]), Outcome::DryRun),
        (post("").chunks([b"ab", b"cd", b"ef"]), Outcome::Refused(Code::PayloadTooLarge)),
        (post("").field("content-length", "4").chunks([b"abcd"]), Outcome::Refused(Code::PayloadTooLarge)),
        (Request::post("/mqtt/messages"), Outcome::Refused(Code::MissingTopic)),
    ];
    for (request, expected) in rows {
        assert_eq!(request.send(&config(small)).outcomes, [expected], "{request:?}");
    }
}

#[test]
fn the_outcomes_are_the_labels_that_dashboards_know() {
    let all: Vec<_> = Outcome::all().map(|outcome| (outcome.as_str(), outcome.qos())).collect();
    for expected in [
        ("Sent", Some(QoS::AtMostOnce)),
        ("Sent", Some(QoS::AtLeastOnce)),
        ("DryRun", None),
        ("InvalidQos", None),
        ("EdgeFailure", None),
    ] {
        assert!(all.contains(&expected), "{expected:?}");
    }
    assert!(
        !all.iter().any(|(name, _)| *name == "BrokerTimeout"),
        "what a bridge answers is not counted here"
    );
    assert_eq!(Outcome::COUNTER, "postmqtt_requests");
}
