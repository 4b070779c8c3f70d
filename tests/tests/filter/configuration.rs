//! The filter's configuration: refused as a whole where it is wrong, and followed where it is right.

use end_to_end::{Edge, Request};
use rig::stack::{Mosquitto, Stack, types};
use serde_json::json;

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
        let started = Stack::builder(&format!("test-filter-configuration-{name}"))
            .mosquitto(Mosquitto::new())
            .envoy_config(move |config| config.filter(|filter| *filter = configuration.clone()))
            .start();
        let error = started.err().map(|error| error.to_string()).expect("Envoy does not start");
        assert!(error.contains("the configuration is wrong") && error.contains(field), "{name}: {error}");
    }
}

#[test]
fn limits_and_api_versions_are_what_the_configuration_says() {
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

#[test]
fn messages_are_published_where_the_configuration_says_and_nowhere_else() {
    let edge = Edge::start("path", |stack| {
        let stack =
            stack.mosquitto(Mosquitto::new()).bridge_argument("--path").bridge_argument("/v1/publish");
        stack.envoy_config(|config| {
            config.filter(|filter| filter["path"] = json!("/v1/publish"));
            config.each(types::HTTP_CONNECTION_MANAGER, |manager| {
                let routes = manager["route_config"]["virtual_hosts"][0]["routes"].as_array_mut().unwrap();
                for route in routes.iter_mut().filter(|route| route["match"]["path"] == "/mqtt/messages") {
                    route["match"]["path"] = json!("/v1/publish");
                }
            });
        })
    });
    for (target, status) in [
        ("/v1/publish?topic=a", 202),
        ("/v1/publish?topic=a&qos=2", 400),
        ("/v1/publish/?topic=a", 404),
        ("/mqtt/messages?topic=a", 404),
    ] {
        let answer = edge.send(Request::post(target));
        assert_eq!(answer.status, status, "{target}: {}", answer.text());
    }
}
