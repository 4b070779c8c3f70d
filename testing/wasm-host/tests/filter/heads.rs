//! Heads as no browser sends them.

use wasm_host::{Fields, Request};

use super::{OPEN, code, configured, is_sent, seed, status};

/// Every field that a message is read from, with a value that is right.
const FIELDS: [(&str, &str); 8] = [
    ("mqtt-qos", "1"),
    ("mqtt-retain", "0"),
    ("mqtt-response-topic", "a"),
    ("mqtt-correlation-data", "AAAA"),
    ("mqtt-user-properties", "W10="),
    ("mqtt-message-expiry", "60"),
    ("mqtt-payload-format-indicator", "0"),
    ("content-type", "text/plain"),
];

fn publish() -> Request {
    Request::post("/mqtt/messages?topic=a")
}

#[test]
fn a_field_that_is_given_twice_is_refused_however_far_apart() {
    let host = configured(OPEN);
    for (name, value) in FIELDS {
        let once = publish().field(name, value);
        assert!(is_sent(&host.send(&once).unwrap()), "{name}");
        for between in [0, 1, 1_000] {
            let apart =
                (0..between).fold(once.clone(), |request, index| request.field(format!("x-{index}"), ""));
            let outcome = host.send(&apart.field(name, value)).unwrap();
            assert_eq!((status(&outcome), outcome.upstream.fields), (Some(400), None), "{name}");
            let reply = outcome.local_reply.unwrap();
            assert_eq!(code(&reply), "DuplicateParameter", "{name}");
        }
    }
}

#[test]
fn eleven_hundred_fields_go_on_as_they_came() {
    let host = configured(OPEN);
    let many =
        (0..1_100).fold(seed(), |request, index| request.field(format!("x-{index}"), format!("{index}")));
    let repeated = (0..1_100).fold(seed(), |request, index| request.field("x-same", format!("{index}")));
    for request in [many, repeated] {
        let outcome = host.send(&request).unwrap();
        assert!(is_sent(&outcome));
        assert_eq!(outcome.upstream.fields.as_ref(), Some(request.head()), "the seed is in normal form");

        let outcome = host.send(&request.field("mqtt-message-expiry", "soon")).unwrap();
        assert_eq!(
            (status(&outcome), outcome.upstream.fields),
            (Some(400), None),
            "the last field counts too"
        );
    }
}

#[test]
fn bytes_that_are_not_utf8_pass_in_foreign_fields_and_are_refused_in_ours() {
    let host = configured(OPEN);
    let foreign: [(&[u8], &[u8]); 5] = [
        (b"x-\xff", b"1"),
        (b"x-foreign", b"\xff\xfe\x00"),
        (b"\xc3\x28", b"\xc3\x28"),
        (b"", b""),
        (b"mqtt-qos\xff", b"9"),
    ];
    for (name, value) in foreign {
        let outcome = host.send(&seed().field(name, value)).unwrap();
        assert!(is_sent(&outcome), "{}", name.escape_ascii());
        assert_eq!(outcome.upstream.fields.unwrap().get(name), Some(value));
    }
    for (name, _) in FIELDS {
        let outcome = host.send(&publish().field(name, b"\xff\xfe")).unwrap();
        assert_eq!((status(&outcome), outcome.upstream.fields), (Some(400), None), "{name}");
    }
    let targets: [&[u8]; 3] = [b"topic=\xff", b"topic=a&qos=\xff", b"topic=a&api-version=\xff"];
    for query in targets {
        let outcome = host.send(&Request::post([b"/mqtt/messages?", query].concat())).unwrap();
        assert_eq!(
            (status(&outcome), outcome.upstream.fields),
            (Some(400), None),
            "{}",
            query.escape_ascii()
        );
    }
}

#[test]
fn an_empty_value_is_a_value() {
    let host = configured(OPEN);
    let rows = [
        ("mqtt-qos", Some("InvalidQos")),
        ("mqtt-retain", Some("InvalidRetain")),
        ("mqtt-response-topic", Some("EmptyTopic")),
        ("mqtt-correlation-data", None),
        ("mqtt-user-properties", Some("InvalidUserProperties")),
        ("mqtt-message-expiry", Some("InvalidMessageExpiry")),
        ("mqtt-payload-format-indicator", Some("InvalidPayloadFormatIndicator")),
        ("content-type", None),
        ("x-request-id", None),
        ("content-length", None),
        ("x-foreign", None),
    ];
    for (name, expected) in rows {
        let outcome = host.send(&publish().field(name, "")).unwrap();
        assert_eq!(outcome.local_reply.as_ref().map(code).as_deref(), expected, "{name}");
        assert_eq!(is_sent(&outcome), expected.is_none(), "{name}");
    }
}

#[test]
fn a_missing_pseudo_header_is_no_loophole() {
    let host = configured(OPEN);
    let target = "/mqtt/messages?topic=a";
    let rows: &[(&[(&str, &str)], Option<u32>)] = &[
        (&[(":path", target)], Some(405)),
        (&[(":path", target), (":method", "")], Some(405)),
        (&[(":path", target), ("method", "POST")], Some(405)),
        (&[(":path", target), (":method", "POST")], None),
        (&[(":path", "/mqtt/messages"), (":method", "POST")], Some(400)),
        // Without a target, or with another, it is not ours to judge.
        (&[(":method", "POST")], None),
        (&[(":method", "CONNECT"), (":authority", "edge")], None),
        (&[(":method", "OPTIONS"), (":path", "*")], None),
        // A head without a field is none.
        (&[], Some(500)),
    ];
    for (fields, expected) in rows {
        let fields: Fields = fields.iter().copied().collect();
        let outcome = host.send(&Request::from_head(fields.clone())).unwrap();
        assert_eq!(status(&outcome), *expected, "{fields:?}");
        assert_eq!(outcome.upstream.fields.is_some(), expected.is_none(), "{fields:?}");
    }
}

#[test]
fn what_only_the_edge_may_set_is_taken_from_no_client() {
    let configuration = r#"{
        "clientId": {"from": "none"},
        "routing": {"routes": [{"filters": ["routed"], "cluster": "alarms"}]}
    }"#;
    let host = configured(configuration);
    let rows = [
        ("/mqtt/messages?topic=a", None),
        ("/mqtt/messages?topic=routed", Some(&b"alarms"[..])),
        ("/elsewhere", None),
    ];
    for (target, cluster) in rows {
        let request = Request::post(target)
            .field("x-mqtt-client-id", "root")
            .field("x-mqtt-cluster", "admin")
            .field("x-mqtt-client-id", "root")
            .field("x-mqtt-cluster", "admin");
        let outcome = host.send(&request).unwrap();
        let upstream = outcome.upstream.fields.unwrap();
        assert_eq!(
            (upstream.get("x-mqtt-client-id"), upstream.get("x-mqtt-cluster")),
            (None, cluster),
            "{target}"
        );
    }
}
