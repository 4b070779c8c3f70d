//! Requests for retained messages: judged like publishes, by bindings of their own.

use edge::Outcome;
use http_publish::Code;
use serde_json::json;

use crate::fake_host::{Fate, Request};
use crate::{OPEN, config};

const POLICY: &str = r##"{
    "permissions": {
        "topicSpaces": [
            { "name": "own", "templates": ["clients/${client.authenticationName}/#"] },
            { "name": "all", "templates": ["#"] }
        ],
        "permissionBindings": [
            { "name": "read-own", "clientGroup": "$all", "topicSpace": "own", "permission": "subscriber" },
            { "name": "write-all", "clientGroup": "$all", "topicSpace": "all" }
        ]
    },
    "routing": { "routes": [{ "filters": ["clients/+/alarm"], "cluster": "alarms" }] }
}"##;

fn get(target: &str, policy: &str) -> Fate {
    let request = Request::default().field(":method", "GET").field(":path", target);
    let request = request.claims(json!({ "jwt": { "oid": "pump-7" } }));
    request.field("x-mqtt-client-id", "root").field("x-mqtt-cluster", "admin").send(&config(policy))
}

#[test]
fn a_client_reads_where_a_binding_permits_all_that_it_asks_for() {
    let forbidden = Some((403, "NotPermitted"));
    // {"f":"clients/pump-8/#","n":9} and {"f":"clients/pump-7/#","n":9}
    let (others, own) =
        ("eyJmIjoiY2xpZW50cy9wdW1wLTgvIyIsIm4iOjl9", "eyJmIjoiY2xpZW50cy9wdW1wLTcvIyIsIm4iOjl9");
    let rows = [
        ("/message?topic=clients/pump-7/state".to_owned(), None),
        ("/message?topic=clients/pump-8/state".to_owned(), forbidden),
        ("?topicFilter=clients/pump-7/%23".to_owned(), None),
        ("?topicFilter=clients/%2B/state".to_owned(), forbidden),
        ("?topicFilter=%23".to_owned(), forbidden),
        (format!("?continuationToken={own}"), None),
        (format!("?continuationToken={others}"), forbidden),
        ("?topicFilter=a%23".to_owned(), Some((400, "InvalidTopicFilter"))),
        ("/message".to_owned(), Some((400, "MissingTopic"))),
    ];
    for (rest, expected) in rows {
        let fate = get(&format!("/mqtt/retainedMessages{rest}"), POLICY);
        assert_eq!(fate.refusal(), expected, "{rest}");
        assert_eq!(fate.is_sent(), expected.is_none(), "{rest}");
        if expected.is_none() {
            assert_eq!(fate.field("x-mqtt-client-id"), Some("pump-7"), "{rest}");
            assert_eq!(fate.outcomes, [Outcome::Read], "{rest}");
        }
    }
    let alarm = get("/mqtt/retainedMessages/message?topic=clients/pump-7/alarm", POLICY);
    assert_eq!(alarm.field("x-mqtt-cluster"), Some("alarms"));
    let state = get("/mqtt/retainedMessages/message?topic=clients/pump-7/state", POLICY);
    assert_eq!(state.field("x-mqtt-cluster"), None);
}

#[test]
fn without_permissions_retained_messages_are_read_only_if_they_are_switched_on() {
    let on = r#"{ "clientId": { "from": "none" }, "retainedMessages": "on" }"#;
    let off = POLICY.replacen('{', r#"{ "retainedMessages": "off","#, 1);
    for (policy, expected) in
        [(OPEN, Some((404, "NotFound"))), (on, None), (off.as_str(), Some((404, "NotFound")))]
    {
        for path in ["/mqtt/retainedMessages?topicFilter=%23", "/mqtt/retainedMessages/message?topic=a"] {
            assert_eq!(get(path, policy).refusal(), expected, "{path} {policy}");
        }
    }
}

#[test]
fn retained_messages_are_read_with_get_or_head() {
    for (method, is_sent) in [("GET", true), ("HEAD", true), ("POST", false), ("DELETE", false)] {
        let request = Request::default().field(":method", method);
        let request = request.field(":path", "/mqtt/retainedMessages/message?topic=clients/pump-7/a");
        let fate = request.claims(json!({ "jwt": { "oid": "pump-7" } })).send(&config(POLICY));
        assert_eq!(fate.is_sent(), is_sent, "{method}");
        if !is_sent {
            let answer = fate.answer.expect("an answer");
            assert!(answer.fields.contains(&("allow".into(), "GET, HEAD".into())));
            assert_eq!(fate.outcomes, [Outcome::Refused(Code::MethodNotAllowed)]);
        }
    }
}
