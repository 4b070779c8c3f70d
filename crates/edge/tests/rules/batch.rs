//! Batches: their head is judged, and their lines stream by or are judged one by one.

use serde_json::{Value, json};

use crate::fake_host::{Call, Fate, Request};
use crate::{OPEN, config};

const POLICY: &str = r##"{
    "permissions": {
        "topicSpaces": [{ "name": "own", "templates": ["clients/${client.authenticationName}/#"] }],
        "permissionBindings": [{ "name": "all-own", "clientGroup": "$all", "topicSpace": "own" }]
    },
    "routing": { "routes": [{ "filters": ["clients/+/alarm"], "cluster": "alarms" }] },
    "enrichment": [{ "key": "who", "value": "${client.authenticationName}" }]
}"##;

fn batch(query: &str) -> Request {
    Request::post(&format!("/mqtt/messages/batch{query}"))
        .claims(json!({ "jwt": { "oid": "pump-7" } }))
        .chunks([b"{}\n", b"{}"])
}

#[test]
fn a_batch_with_a_permitted_topic_goes_on_in_normal_form() {
    let fate = batch("?x=1&topic=clients/pump-7/alarm&dry-run=1").send(&config(POLICY));
    assert!(fate.is_sent());
    assert_eq!(fate.body, b"{}\n{}");
    let path = "/mqtt/messages/batch?topic=clients%2Fpump-7%2Falarm&dry-run=1";
    let fields = [":path", "x-mqtt-client-id", "x-mqtt-cluster", "mqtt-user-properties"];
    // The Base64 of [{"who":"pump-7"}], by base64(1) of coreutils.
    let expected = [path, "pump-7", "alarms", "W3sid2hvIjoicHVtcC03In1d"];
    assert_eq!(fields.map(|name| fate.field(name)), expected.map(Some));
    assert_eq!(fate.outcomes.iter().map(|outcome| outcome.as_str()).collect::<Vec<_>>(), ["SentBatch"]);
}

#[test]
fn a_batch_is_refused_by_the_rules_of_its_topic_and_of_its_head() {
    let rows = [
        ("?topic=clients/fan-1/alarm", 403, "NotPermitted"),
        ("?topic=clients/pump-7/%2B", 403, "TopicWildcard"),
        ("?topic=clients/pump-7/state&qos=1", 400, "UnknownParameter"),
        ("?x=1&qos=1", 400, "UnknownParameter"),
    ];
    for (query, status, code) in rows {
        let fate = batch(query).send(&config(POLICY));
        assert_eq!(fate.refusal(), Some((status, code)), "{query}");
        assert!(!fate.is_whole);
    }
    let unidentified = Request::post("/mqtt/messages/batch?topic=clients/pump-7/state");
    assert_eq!(unidentified.send(&config(POLICY)).refusal(), Some((401, "Unauthenticated")));
}

#[test]
fn lines_stream_by_where_no_policy_asks_for_them() {
    let fate = batch("").send(&config(OPEN));
    assert!(fate.is_sent());
    assert_eq!((fate.body.as_slice(), fate.field("x-mqtt-judged-lines")), (&b"{}\n{}"[..], None));
}

/// What each line has become: status and code of its refusal, or the line.
fn judged(fate: &Fate) -> Vec<Value> {
    assert!(fate.is_sent(), "{fate:?}");
    assert_eq!(fate.field("x-mqtt-judged-lines"), Some("1"));
    assert_eq!(fate.field("content-length"), None);
    let line = |line: &[u8]| {
        let line: Value = serde_json::from_slice(line).expect("JSON");
        line.get("refused").map_or(line.clone(), |problem| json!([problem["status"], problem["code"]]))
    };
    fate.body.split_inclusive(|&byte| byte == b'\n').map(line).collect()
}

#[test]
fn without_a_topic_each_line_is_judged_and_the_others_go_on() {
    let payload = r#"{"topic":"clients/pump-7/state","userProperties":[["who","root"],["a","1"]],"qos":1}
        {"topic":"clients/fan-1/state"}
        {"topic":"clients/pump-7/+"}

        !
        {"refused":{"code":"NotPermitted","detail":""}}
        {}
        {"topic":"clients/pump-7/alarm"}
        {"payloadBase64":"_wA","topic":"clients/pump-7/ü","retain":true}"#;
    let payload = payload.as_bytes();
    let expected = [
        json!({ "topic": "clients/pump-7/state", "userProperties": [["a", "1"], ["who", "pump-7"]] }),
        json!([403, "NotPermitted"]),
        json!([403, "TopicWildcard"]),
        json!([400, "InvalidBatchLine"]),
        json!([400, "InvalidBatchLine"]),
        json!([400, "MissingTopic"]),
        // It is routed to another cluster than the head.
        json!([400, "MissingTopic"]),
        json!({
            "topic": "clients/pump-7/ü", "retain": true, "userProperties": [["who", "pump-7"]],
            "payloadBase64": "/wA=",
        }),
    ];
    let request = batch("").field("content-length", payload.len().to_string());
    let config = config(POLICY);
    for size in [1, 2, 7, payload.len()] {
        let sliced = request.clone().sliced(payload, size).send(&config);
        assert_eq!(judged(&sliced), expected, "slices of {size} bytes");
        let chunks: Vec<&[u8]> = payload.chunks(size).chain([&b""[..]]).collect();
        assert_eq!(judged(&request.clone().in_chunks(&chunks).send(&config)), expected, "chunks of {size}");
        let fate = request.clone().in_chunks(&chunks).trailers(&["x-mqtt-judged-lines", "x"]).send(&config);
        assert_eq!((judged(&fate).as_slice(), fate.trailers.as_slice()), (&expected[..], &["x"][..]));
    }
}

#[test]
fn what_is_no_batch_of_lines_is_refused_as_a_whole() {
    let many = b"{}\n".repeat(1001);
    let large = vec![b' '; 1024 * 1024 + 1];
    let rows: &[(&[&[u8]], u16, &str)] = &[
        (&[], 400, "InvalidBatchLine"),
        (&[b""], 400, "InvalidBatchLine"),
        (&[b"\n", b" \r\n"], 400, "InvalidBatchLine"),
        (&[&many], 413, "PayloadTooLarge"),
        (&[&large], 413, "PayloadTooLarge"),
    ];
    for (chunks, status, code) in rows {
        for request in [batch("").in_chunks(chunks), batch("").in_chunks(chunks).trailers(&["x"])] {
            let fate = request.send(&config(POLICY));
            assert_eq!((fate.refusal(), fate.is_whole), (Some((*status, *code)), false));
            assert_eq!(fate.body, b"");
        }
    }
}

#[test]
fn a_batch_is_refused_as_soon_as_it_is_larger_than_the_host_can_hold() {
    let policy = r#"{ "heldBatchBytes": 1024, "clientId": { "from": "none" }, "enrichment": [{ "key": "a", "value": "1" }] }"#;
    let line = br#"{"topic":"a"}"#;
    let padded = |size: usize| [&line[..], &vec![b' '; size - line.len()]].concat();
    let fits = padded(1024);
    let grows = [&line[..], b"\n"].concat().repeat(50);
    let announced = |length: u64| batch("").field("content-length", length.to_string());
    let rows = [
        (announced(1024).chunks([&fits]), None),
        (batch("").chunks([&fits[..1000], &fits[1000..]]), None),
        (announced(1025).without_end(), Some((413, "PayloadTooLarge"))),
        (batch("").chunks([&fits[..], b" "]).without_end(), Some((413, "PayloadTooLarge"))),
        // What is added to a line makes it too large.
        (batch("").chunks([&grows]), Some((413, "PayloadTooLarge"))),
        // Nothing has to be held of a batch that is judged by its head.
        (batch("?topic=a").chunks([&fits, &fits]), None),
    ];
    for (request, expected) in rows {
        let fate = request.send(&config(policy));
        assert_eq!((fate.refusal(), fate.is_whole), (expected, expected.is_none()));
    }
}

#[test]
fn of_a_batch_that_ends_early_no_line_goes_on() {
    let fate = batch("").without_end().send(&config(POLICY));
    assert_eq!((fate.answer.is_none(), fate.is_whole, fate.body.as_slice()), (true, false, &b""[..]));
}

#[test]
fn user_properties_of_the_head_cannot_take_the_place_of_the_edges() {
    let fate = batch("")
        .field("mqtt-user-properties", r#"[{"who":"root"},{"b":"2"}]"#)
        .chunks([br#"{"topic":"clients/pump-7/state","userProperties":[["b","1"],["a","1"]]}"#])
        .send(&config(POLICY));
    assert_eq!(fate.field("mqtt-user-properties"), None);
    assert_eq!(judged(&fate)[0]["userProperties"], json!([["a", "1"], ["b", "2"], ["who", "pump-7"]]));
}

#[test]
fn what_depends_on_a_message_is_added_to_each_line() {
    let enrichment = r#"[{ "key": "r", "value": "${mqtt.message.responseTopic}" }]"#;
    let config = config(&format!(r#"{{ "clientId": {{ "from": "none" }}, "enrichment": {enrichment} }}"#));
    let request = batch("?topic=a").chunks([b"{\"responseTopic\":\"x\"}\n", b"{\"topic\":\"b\"}"]);
    let expected =
        [json!({ "responseTopic": "x", "userProperties": [["r", "x"]] }), json!([400, "DuplicateParameter"])];
    assert_eq!(judged(&request.send(&config)), expected);
}

#[test]
fn lines_that_become_too_large_are_refused() {
    let enrichment: Vec<_> =
        (0..20).map(|key| json!({ "key": format!("k{key}"), "value": "${client.attributes.big}" })).collect();
    let config = config(&json!({ "enrichment": enrichment }).to_string());
    let fate = |lines: usize| {
        let claims = json!({ "jwt": { "oid": "pump-7", "big": "x".repeat(250) } });
        batch("").claims(claims).chunks([&b"{\"topic\":\"a\"}\n".repeat(lines)]).send(&config)
    };
    assert!(fate(500).is_sent());
    assert_eq!(fate(1000).refusal(), Some((413, "PayloadTooLarge")));
}

#[test]
fn if_the_host_fails_no_line_goes_on() {
    for call in [Call::HeldPayload, Call::ReplaceHeldPayload] {
        let fate = batch("").failing(call).send(&config(POLICY));
        assert_eq!((fate.refusal(), fate.is_whole), (Some((500, "EdgeFailure")), false), "{call:?}");
    }
}

#[test]
fn a_client_cannot_say_that_its_lines_were_judged() {
    for (query, expected) in [("?topic=clients/pump-7/state", None), ("", Some("1"))] {
        let fate = batch(query).field("x-mqtt-judged-lines", "9").send(&config(POLICY));
        assert_eq!(fate.field("x-mqtt-judged-lines"), expected, "{query}");
    }
}

#[test]
fn a_batch_over_a_mebibyte_never_reaches_the_upstream_whole() {
    let half = vec![b' '; 512 * 1024];
    let fate = batch("").chunks([&half, &half]).send(&config(OPEN));
    assert!(fate.is_sent());
    let fate = batch("").chunks([&half, &half, b" "]).send(&config(OPEN));
    assert_eq!(fate.refusal(), Some((413, "PayloadTooLarge")));
    assert!(!fate.is_whole);
}
