//! Permissions, routing and enrichment, from the filter's configuration to the subscriber.

use end_to_end::{Edge, Protocol, Recorder, Request, token};
use serde_json::{Value, json};
use xtask::stack::{Mosquitto, types};

fn start(name: &str, member: &'static str, value: Value) -> Edge {
    Edge::start(name, |stack| {
        stack
            .mosquitto(Mosquitto::new())
            .envoy_config(move |config| config.filter(|filter| filter[member] = value.clone()))
    })
}

#[test]
fn a_client_may_publish_what_a_binding_permits_and_nothing_else() {
    let permissions = json!({
        "clientGroups": [
            { "name": "operators", "conditions": [{ "claim": "roles", "contains": "operator" }] },
            { "name": "gold", "conditions": [{ "claim": "tier", "equals": "gold" }, { "claim": "banned", "exists": false }] },
            { "name": "third", "conditions": [{ "claim": ["access", "level"], "equals": 3 }] },
        ],
        "topicSpaces": [
            { "name": "own", "templates": ["clients/${client.authenticationName}/#"] },
            { "name": "machines", "templates": ["machines/+/command"] },
            { "name": "site", "templates": ["sites/${client.attributes.site}-${client.authenticationName}/in"] },
            { "name": "level", "templates": ["levels/3"] },
        ],
        "permissionBindings": [
            { "name": "everyone-own", "clientGroup": "$all", "topicSpace": "own" },
            { "name": "operators-machines", "clientGroup": "operators", "topicSpace": "machines" },
            { "name": "gold-site", "clientGroup": "gold", "topicSpace": "site" },
            { "name": "third-level", "clientGroup": "third", "topicSpace": "level" },
        ],
    });
    let operator = json!({ "oid": "me", "roles": ["reader", "operator"] });
    let gold = json!({ "oid": "me", "tier": "gold", "site": "berlin" });
    // The claims, the topic, and the binding that permits.
    let rows: &[(Value, &str, Option<&str>)] = &[
        (json!({ "oid": "me" }), "clients/me/a", Some("everyone-own")),
        (json!({ "oid": "me" }), "clients/me/a/b/c", Some("everyone-own")),
        (json!({ "oid": "me" }), "clients/me", Some("everyone-own")),
        (json!({ "oid": "me" }), "clients/you/a", None),
        (json!({ "oid": "me" }), "clients/mean/a", None),
        (json!({ "oid": "me" }), "clients/Me/a", None),
        (json!({ "oid": "me" }), "clients//me/a", None),
        (json!({ "oid": "me" }), "/clients/me/a", None),
        (json!({ "oid": "me" }), "elsewhere", None),
        // What is a wildcard elsewhere is only text in a client id.
        (json!({ "oid": "+" }), "clients/me/a", None),
        (json!({ "oid": "#" }), "clients/me/a", None),
        (json!({ "oid": "me/x" }), "clients/me/a", None),
        (json!({ "oid": "m%65" }), "clients/me/a", None),
        (operator.clone(), "machines/7/command", Some("operators-machines")),
        (operator.clone(), "machines//command", Some("operators-machines")),
        (operator.clone(), "machines/7/status", None),
        (operator.clone(), "machines/7/8/command", None),
        (operator, "machines/command", None),
        (json!({ "oid": "me", "roles": ["operators"] }), "machines/7/command", None),
        (json!({ "oid": "me", "roles": "operator" }), "machines/7/command", None),
        (json!({ "oid": "me" }), "machines/7/command", None),
        (gold.clone(), "sites/berlin-me/in", Some("gold-site")),
        (gold.clone(), "sites/paris-me/in", None),
        (gold, "sites/berlin-you/in", None),
        (json!({ "oid": "me", "tier": "gold" }), "sites/-me/in", None),
        (
            json!({ "oid": "me", "tier": "gold", "site": "berlin", "banned": true }),
            "sites/berlin-me/in",
            None,
        ),
        (json!({ "oid": "me", "tier": "Gold", "site": "berlin" }), "sites/berlin-me/in", None),
        (json!({ "oid": "me", "access": { "level": 3 } }), "levels/3", Some("third-level")),
        (json!({ "oid": "me", "access": { "level": 4 } }), "levels/3", None),
        (json!({ "oid": "me", "access": { "level": "3" } }), "levels/3", None),
        (json!({ "oid": "me", "level": 3 }), "levels/3", None),
    ];
    let edge = start("permissions", "permissions", permissions);
    let subscriber = edge.subscribe_to(&["#"]);
    for protocol in Protocol::ALL {
        for (claims, topic, binding) in rows {
            let claims =
                claims.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.clone()));
            let token =
                token::sign(&xtask::dev::token::Token { claims: claims.collect(), ..Default::default() });
            let request = Request::publish(topic).token(&token).body("permitted");
            let answer = edge.at(protocol).send(request.clone());
            let shown = edge.at(protocol).send(request.and("&dry-run=1"));
            if let Some(binding) = binding {
                answer.expect_published(204);
                assert_eq!(subscriber.next().topic, *topic);
                let shown: Value = serde_json::from_slice(&shown.body).unwrap();
                assert_eq!(shown["permittedBy"], *binding, "{shown:#}");
            } else {
                for answer in [answer, shown] {
                    assert_eq!(answer.status, 403, "{topic} {token}");
                    assert_eq!(answer.expect_problem().code, "NotPermitted", "{topic}");
                }
            }
        }
    }
    let last = Request::publish("clients/me/last").token(&token::of_client("me")).body("last");
    edge.send(last).expect_published(204);
    assert_eq!(subscriber.until(b"last"), []);
}

#[test]
fn the_topic_decides_the_upstream_and_the_client_does_not() {
    let recorder = Recorder::start();
    let port = recorder.port();
    let edge = Edge::start("routing", |stack| {
        stack.mosquitto(Mosquitto::new()).envoy_config(move |config| {
            let clusters = config.value()["static_resources"]["clusters"].as_array_mut().unwrap();
            let mut other = clusters[0].clone();
            other["name"] = json!("other");
            other["load_assignment"]["cluster_name"] = json!("other");
            other["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
                ["port_value"] = json!(port);
            clusters.push(other);
            config.each(types::HTTP_CONNECTION_MANAGER, |manager| {
                let route = &mut manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"];
                route.as_object_mut().unwrap().remove("cluster");
                route["cluster_header"] = json!("x-mqtt-cluster");
            });
            config.filter(|filter| {
                filter["routing"] = json!({
                    "routes": [{ "filters": ["other/+/alarm", "alarms/#"], "cluster": "other" }],
                    "defaultCluster": "mqtt_bridge",
                });
            });
        })
    });
    let subscriber = edge.subscribe_to(&["#"]);
    let rows = [
        ("other/1/alarm", true),
        ("alarms", true),
        ("alarms/1/2", true),
        ("other/1/2/alarm", false),
        ("other/alarm", false),
        ("Alarms/1", false),
        ("/alarms/1", false),
        ("a", false),
    ];
    for protocol in Protocol::ALL {
        for (topic, goes_to_other) in rows {
            for wish in ["other", "mqtt_bridge", "nowhere"] {
                let request = Request::publish(topic).header("x-mqtt-cluster", wish).body("routed");
                edge.at(protocol).send(request).expect_published(204);
                assert_eq!(
                    recorder.take().len(),
                    usize::from(goes_to_other),
                    "{topic} {wish} over {protocol:?}"
                );
                if !goes_to_other {
                    assert_eq!(subscriber.next().topic, topic);
                }
            }
        }
    }
    edge.send(Request::publish("a").body("last")).expect_published(204);
    assert_eq!(subscriber.until(b"last"), []);
}

#[test]
fn enrichment_follows_what_the_client_sent_and_cannot_be_forged() {
    let enrichment = json!([
        { "key": "sentby", "value": "${client.authenticationName}" },
        { "key": "site", "value": "${client.attributes.site}" },
        { "key": "stage", "value": "production" },
        { "key": "topic", "value": "${mqtt.message.topicName}" },
        { "key": "address", "value": "${source.address}" },
        { "key": "request", "value": "${request.id}" },
    ]);
    let edge = start("enrichment", "enrichment", enrichment);
    let subscriber = edge.subscribe_to(&["#"]);
    let token = token::with_claims([("oid", json!("me/ä")), ("site", json!("berlin"))]);
    for protocol in Protocol::ALL {
        let forged = r#"[{"a":"1"},{"sentby":"somebody"},{"stage":"test","b":"2"},{"sentby":"else"}]"#;
        let request = Request::publish("a/b").token(&token).header("mqtt-user-properties", forged);
        let answer = edge.at(protocol).send(request);
        answer.expect_published(204);
        let received = subscriber.next().user_properties;
        let received: Vec<_> = received.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            received[..6],
            [
                ("a", "1"),
                ("b", "2"),
                ("sentby", "me/ä"),
                ("site", "berlin"),
                ("stage", "production"),
                ("topic", "a/b"),
            ]
        );
        assert_eq!(received[6].0, "address");
        assert!(received[6].1.starts_with("127.0.0.1"), "{received:?}");
        assert_eq!(received[7..], [("request", answer.request_id())]);
    }
}

#[test]
fn a_configuration_that_is_wrong_keeps_envoy_from_starting_and_names_the_field() {
    let rows = [
        ("unknown", json!({ "pathh": "/x" }), "pathh"),
        ("ill-typed", json!({ "path": 7 }), "path"),
        ("no-slash", json!({ "path": "mqtt" }), "path"),
        ("negative", json!({ "limits": { "payloadBytes": -1 } }), "payloadBytes"),
        ("fraction", json!({ "limits": { "topicBytes": 1.5 } }), "topicBytes"),
        ("profile", json!({ "limits": { "profile": "ibm" } }), "profile"),
        ("claims", json!({ "clientId": { "from": "jwt", "claims": [] } }), "claims"),
    ];
    for (name, configuration, field) in rows {
        let started = xtask::stack::Stack::builder(&format!("test-policy-{name}"))
            .mosquitto(Mosquitto::new())
            .envoy_config(move |config| config.filter(|filter| *filter = configuration.clone()))
            .start();
        let error = started.err().map(|error| error.to_string()).expect("Envoy does not start");
        assert!(error.contains("the configuration is wrong") && error.contains(field), "{name}: {error}");
    }
}

#[test]
fn limits_and_path_are_what_the_configuration_says() {
    let edge = Edge::start("limits", |stack| {
        stack.mosquitto(Mosquitto::new()).bridge_argument("--limits").bridge_argument("mqtt5").envoy_config(
            |config| {
                config.filter(|filter| {
                    filter["limits"] = json!({ "profile": "aws", "payloadBytes": 1000, "topicSegments": 3 });
                    filter["apiVersions"] = json!(["1", "2"]);
                });
            },
        )
    });
    let rows = [
        (Request::publish("a/b/c").body(vec![b'x'; 1000]), 202, ""),
        (Request::publish("a").body(vec![b'x'; 1001]), 413, "PayloadTooLarge"),
        (Request::publish("a").chunks(vec![vec![b'x'; 500]; 3]), 413, "PayloadTooLarge"),
        (Request::publish("a/b/c/d"), 403, "TopicTooManySegments"),
        (Request::publish("a").header("mqtt-message-expiry", "604801"), 400, "InvalidMessageExpiry"),
        (Request::publish("a").header("mqtt-message-expiry", "604800"), 202, ""),
        (Request::publish("a").and("&api-version=2025-02-15-preview"), 400, "UnsupportedApiVersion"),
    ];
    for (request, status, code) in rows {
        let answer = edge.send(request.clone());
        assert_eq!(answer.status, status, "{request:?}: {}", answer.text());
        if status >= 400 {
            assert_eq!(answer.expect_problem().code, code);
        }
    }
}
