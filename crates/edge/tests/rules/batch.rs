//! Batches: their head is judged, and their lines stream by.

use serde_json::json;

use crate::fake_host::Request;
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
        ("", 400, "MissingTopic"),
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
fn lines_may_name_topics_where_no_policy_asks_for_them() {
    assert!(batch("").send(&config(OPEN)).is_sent());
    for policy in [
        r#""permissions": { "topicSpaces": [], "permissionBindings": [] }"#,
        r#""routing": { "routes": [], "defaultCluster": "c" }"#,
    ] {
        let fate = batch("").send(&config(&format!(r#"{{ "clientId": {{ "from": "none" }}, {policy} }}"#)));
        assert_eq!(fate.refusal(), Some((400, "MissingTopic")), "{policy}");
    }
}

#[test]
fn an_edge_that_adds_what_depends_on_a_message_accepts_no_batch() {
    let enrichment = r#"[{ "key": "r", "value": "${mqtt.message.responseTopic}" }]"#;
    let config = config(&format!(r#"{{ "clientId": {{ "from": "none" }}, "enrichment": {enrichment} }}"#));
    assert_eq!(batch("?topic=a").send(&config).refusal(), Some((404, "NotFound")));
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
