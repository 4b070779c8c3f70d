//! What the operator decided: permissions, routing, enrichment.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge::Attribute::SourceAddress;
use serde_json::{Value, json};

use crate::config;
use crate::fake_host::Request;

const POLICY: &str = r##"{
    "permissions": {
        "clientGroups": [{ "name": "pumps", "conditions": [{ "claim": "kind", "equals": "pump" }] }],
        "topicSpaces": [
            { "name": "own", "templates": ["clients/${client.authenticationName}/#"] },
            { "name": "site", "templates": ["sites/${client.attributes.site}/pumps"] }
        ],
        "permissionBindings": [
            { "name": "all-own", "clientGroup": "$all", "topicSpace": "own" },
            { "name": "pumps-site", "clientGroup": "pumps", "topicSpace": "site" }
        ]
    },
    "routing": {
        "routes": [{ "filters": ["clients/+/alarm"], "cluster": "alarms" }],
        "defaultCluster": "others"
    },
    "enrichment": [
        { "key": "who", "value": "${client.authenticationName}" },
        { "key": "from", "value": "${source.address}" }
    ]
}"##;

fn publish(topic: &str) -> Request {
    Request::post(&format!("/mqtt/messages?topic={topic}"))
        .claims(json!({ "jwt": { "oid": "pump-7", "kind": "pump", "site": "north" } }))
        .attribute(SourceAddress, "192.0.2.1:4711")
}

#[test]
fn a_client_publishes_where_a_binding_permits_it_and_a_route_names_the_cluster() {
    let forbidden = Err((403, "NotPermitted"));
    let rows: &[(&str, Result<&str, (u16, &str)>)] = &[
        ("clients/pump-7/alarm", Ok("alarms")),
        ("clients/pump-7/state", Ok("others")),
        ("sites/north/pumps", Ok("others")),
        ("sites/south/pumps", forbidden),
        ("clients/pump-8/alarm", forbidden),
        ("anything", forbidden),
    ];
    for (topic, expected) in rows {
        let fate = publish(topic).send(&config(POLICY));
        match expected {
            Ok(cluster) => assert_eq!(fate.field("x-mqtt-cluster"), Some(*cluster), "{topic}"),
            Err(refusal) => assert_eq!(fate.refusal(), Some(*refusal), "{topic}"),
        }
        assert_eq!(fate.is_sent(), expected.is_ok(), "{topic}");
    }
}

#[test]
fn a_group_is_asked_for_the_claims_of_the_token() {
    let publish = publish("sites/north/pumps").claims(json!({ "jwt": { "oid": "fan-1", "site": "north" } }));
    assert_eq!(publish.send(&config(POLICY)).refusal(), Some((403, "NotPermitted")));
}

#[test]
fn the_edge_adds_its_user_properties_after_those_of_the_client() {
    let rows = [
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("/run/edge.sock", "/run/edge.sock"),
    ];
    for (address, expected) in rows {
        let fate = publish("clients/pump-7/state")
            .attribute(SourceAddress, address)
            .field("mqtt-user-properties", r#"[{"who":"root"},{"a":"1"}]"#)
            .send(&config(POLICY));
        let json = format!(r#"[{{"a":"1"}},{{"who":"pump-7"}},{{"from":"{expected}"}}]"#);
        assert_eq!(fate.field("mqtt-user-properties").map(decoded).as_deref(), Some(json.as_str()));
    }
}

#[test]
fn the_edge_says_how_many_properties_it_added_to_a_request_with_an_idempotency_key() {
    let request = publish("clients/pump-7/state").field("mqtt-user-properties", r#"[{"a":"1"}]"#);
    let added =
        |request: &Request| request.send(&config(POLICY)).field("x-mqtt-added-properties").map(str::to_owned);
    assert_eq!(added(&request.clone().field("idempotency-key", "k")).as_deref(), Some("2"));
    assert_eq!(added(&request.field("x-mqtt-added-properties", "9")), None);
}

#[test]
fn a_dry_run_shows_who_would_publish_what_permits_it_and_where_it_would_go() {
    let fate = publish("clients/pump-7/alarm&dry-run=1").send(&config(POLICY));
    let document = fate.answer.expect("an answer").body;
    let decision = ["clientId", "permittedBy", "cluster"].map(|member| document[member].clone());
    assert_eq!(decision, [json!("pump-7"), json!("all-own"), json!("alarms")]);
}

#[test]
fn a_dry_run_explains_why_no_binding_permits_it_and_names_the_closest_template() {
    const DETAIL: &str = "no permission binding lets this client publish to this topic";
    let rows = [
        ("client/pump-7/state", ""),
        (
            "client/pump-7/state&dry-run=1",
            ": the topic matches no topic space; the closest template is clients/${client.authenticationName}/#",
        ),
        ("anything&dry-run=1", ": the topic matches no topic space"),
    ];
    for (topic, expected) in rows {
        let answer = publish(topic).send(&config(POLICY)).answer.expect("an answer");
        assert_eq!(answer.body["detail"], format!("{DETAIL}{expected}"), "{topic}");
    }
}

#[test]
fn unknown_parameters_are_ignored_unless_the_configuration_refuses_them() {
    let request = Request::post("/mqtt/messages?topic=a&retian=1&utm=1").field("mqtt-expiry", "60");
    let with = |rule: &str| config(&format!(r#"{{"clientId": {{"from": "none"}}{rule}}}"#));
    assert!(request.send(&with("")).is_sent());
    assert!(request.send(&with(r#", "unknownParameters": "ignore""#)).is_sent());

    let fate = request.send(&with(r#", "unknownParameters": "refuse""#));
    assert_eq!(fate.refusal(), Some((400, "UnknownParameter")));
    let answer = fate.answer.expect("an answer");
    let names = |violation: &Value| violation["parameter"].clone();
    let names: Vec<Value> =
        answer.body["violations"].as_array().expect("violations").iter().map(names).collect();
    assert_eq!(names, ["retian", "mqtt-expiry"]);
}

fn decoded(base64: &str) -> String {
    String::from_utf8(STANDARD.decode(base64).expect("Base64")).expect("UTF-8")
}
