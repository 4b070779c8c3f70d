//! HTTP/1.0, and requests to change the protocol.

use end_to_end::{Edge, Protocol, raw, token};
use rig::stack::types;
use serde_json::json;

/// A publish of `x` to this topic, with these header lines.
fn publish(topic: &str, version: &str, lines: &str) -> Vec<u8> {
    let token = token::valid();
    format!(
        "POST /mqtt/messages?topic={topic} {version}\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n{lines}\
         content-length: 1\r\n\r\nx"
    )
    .into_bytes()
}

/// RFC 9110, 7.8: a server may ignore Upgrade. Apache HttpClient has sent `TLS/1.2` unasked since version 5.4.
#[test]
fn an_upgrade_is_ignored_and_the_message_published() {
    let edge = Edge::shared();
    let topic = edge.topic("upgrade");
    let subscriber = edge.subscribe();
    for upgrade in ["TLS/1.2", "h2c", "websocket", "TLS/1.2, websocket", "something/1"] {
        let lines = format!("connection: upgrade\r\nupgrade: {upgrade}\r\n");
        for address in [edge.address(), edge.bridge(Protocol::Http1).address()] {
            let answer = raw::exchange(address, &publish(&topic, "HTTP/1.1", &lines)).expect("an answer");
            answer.expect_published(204);
            assert_eq!(subscriber.next().text(), "x", "{upgrade}");
        }
    }
}

/// What MQTT clients send to a broker that listens for WebSocket (MQTT 5.0, 6; RFC 6455, 4.1).
#[test]
fn an_mqtt_client_over_websocket_is_told_what_this_is() {
    let edge = Edge::shared();
    let handshake = "GET /mqtt HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                     sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                     sec-websocket-protocol: mqtt\r\n\r\n";
    let problem = raw::exchange(edge.address(), handshake.as_bytes()).expect("an answer").expect_problem();
    assert_eq!((problem.status, problem.code.as_str()), (404, "NotFound"));
    let detail = problem.document["detail"].as_str().unwrap_or_default();
    for word in ["POST /mqtt/messages", "not MQTT over WebSocket", "broker"] {
        assert!(detail.contains(word), "{detail}");
    }
}

/// The line is that of `docs/clients.md`.
#[test]
fn http_1_0_is_accepted_where_one_line_of_envoy_yaml_says_so() {
    let edge = Edge::start("http-1-0", |stack| {
        stack.envoy_config(|config| {
            config.each(types::HTTP_CONNECTION_MANAGER, |manager| {
                manager["http_protocol_options"]["accept_http_10"] = json!(true);
            });
        })
    });
    let topic = edge.topic("old");
    let subscriber = edge.subscribe();
    let answer = raw::exchange(edge.address(), &publish(&topic, "HTTP/1.0", "")).expect("an answer");
    answer.expect_published(204);
    assert_eq!(subscriber.next().text(), "x");
    let refused = raw::exchange(edge.address(), &publish("%2B", "HTTP/1.0", "")).expect("an answer");
    assert_eq!(refused.expect_problem().code, "TopicWildcard");
}
