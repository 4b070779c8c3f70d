//! What an operator sees: one line of the access log for each request, and the filter's counters.

use std::collections::BTreeMap;

use end_to_end::{Edge, Protocol, Request, raw, token};
use rig::stack::Mosquitto;

#[test]
fn each_request_is_a_line_of_the_access_log_with_its_reason() {
    let edge = Edge::shared();
    let topic = edge.topic("logged");
    // The request, who it is by, its status, and the details of its response code.
    let rows = [
        (Request::publish(&topic), token::CLIENT_ID, "202", "via_upstream"),
        (Request::publish(&topic).and("&qos=0"), token::CLIENT_ID, "202", "via_upstream"),
        (Request::publish(&topic).and("&qos=2"), token::CLIENT_ID, "400", "postmqtt{InvalidQos}"),
        (
            Request::publish(&topic).and("&retain=x&qos=1&qos=1"),
            token::CLIENT_ID,
            "400",
            "postmqtt{DuplicateParameter}",
        ),
        (Request::publish(&topic).and("/%2B"), token::CLIENT_ID, "403", "postmqtt{TopicWildcard}"),
        (Request::publish(&topic).method("GET"), token::CLIENT_ID, "405", "postmqtt{MethodNotAllowed}"),
        (
            Request::publish(&topic).body(vec![b'x'; 524_289]),
            token::CLIENT_ID,
            "413",
            "postmqtt{PayloadTooLarge}",
        ),
        (
            Request::publish(&topic).chunks(vec![vec![b'x'; 65_536]; 9]),
            token::CLIENT_ID,
            "413",
            "postmqtt{PayloadTooLarge}",
        ),
        (
            Request::publish(&topic).header("mqtt-payload-format-indicator", "1").body(&b"\xff"[..]),
            token::CLIENT_ID,
            "400",
            "postmqtt{PayloadNotUtf8}",
        ),
        (Request::publish(&topic).and("&dry-run=1"), token::CLIENT_ID, "200", "postmqtt{DryRun}"),
        (Request::publish(&topic).without_token(), "null", "401", "jwt_authn_access_denied{Jwt_is_missing}"),
        (Request::publish(&topic).token(&token::of_client("a b/ä")), "a b/ä", "202", "via_upstream"),
        (
            Request::publish(&topic).token(&token::of_client("\"}\n{\"status\":1")),
            "\"}\n{\"status\":1",
            "403",
            "postmqtt{InvalidClientId}",
        ),
        (Request::post(format!("/elsewhere?topic={topic}")), "null", "404", "direct_response"),
    ];
    for protocol in Protocol::ALL {
        for (request, principal, status, reason) in &rows {
            let answer = edge.at(protocol).send(request.clone());
            let line = edge.log_line(&answer);
            let seen = ["protocol", "topic", "sourceIp", "authorizationPrincipal", "status", "reason"]
                .map(|member| line.text(member));
            let expected_topic =
                if *reason == "postmqtt{TopicWildcard}" { format!("{topic}/+") } else { topic.clone() };
            let expected =
                ["http-publish", &expected_topic, "127.0.0.1", principal, status, reason].map(str::to_owned);
            assert_eq!(seen, expected, "{request:?} over {protocol:?}");
        }
    }
}

#[test]
fn the_reason_code_of_the_broker_and_the_bridge_are_in_the_log() {
    let edge = Edge::shared();
    let topic = edge.topic("reason");
    let _subscriber = edge.subscribe();
    let line = edge.log_line(&edge.send(Request::publish(&topic)));
    assert_eq!((line.text("mqttReasonCode").as_str(), line.text("attempts").as_str()), ("0", "1"));
    assert!(edge.stack().bridge_url(0).ends_with(&line.text("bridge")), "{line:?}");
}

#[test]
fn a_client_cannot_choose_the_source_address_that_is_logged() {
    let edge = Edge::shared();
    for header in ["x-forwarded-for", "x-real-ip", "forwarded", "x-envoy-external-address", "true-client-ip"]
    {
        let answer = edge.send(Request::publish(&edge.topic("source")).header(header, "203.0.113.7"));
        assert_eq!(edge.log_line(&answer).text("sourceIp"), "127.0.0.1", "{header}");
    }
}

#[test]
fn nothing_that_a_client_sends_makes_a_line_of_its_own() {
    let edge = Edge::shared();
    let mark = edge.topic("injected").replace('/', "-");
    let forged = format!("%0A%7B%22requestId%22%3A%22{mark}%22%7D%0A");
    let requests = [
        format!("/mqtt/messages?topic={forged}"),
        format!("/mqtt/messages?topic=a&api-version={forged}"),
        format!("/mqtt/messages?qos={forged}"),
        format!("/{forged}?topic={forged}"),
    ];
    for target in requests {
        let answer =
            edge.send(Request::post(&target).header("user-agent", format!("{{\"requestId\":\"{mark}\"}}")));
        assert_eq!(edge.log_line(&answer).text("status"), answer.status.to_string(), "{target}");
    }
    let bytes = format!("{{\"requestId\":\"{mark}\"}}\r\n\r\n");
    assert!(raw::exchange(edge.address(), bytes.as_bytes()).is_none_or(|answer| answer.status == 400));
    let last = edge.send(Request::publish("a"));
    assert_eq!(edge.log_line(&last).text("status"), "202");
    assert!(edge.log_lines().all(|line| line.text("requestId") != mark));
}

#[test]
fn each_decision_of_the_filter_is_counted() {
    let edge = Edge::start("counted", |stack| stack.mosquitto(Mosquitto::new()));
    let rows = [
        (Request::publish("a").and("&qos=0"), "Sent.qos.0", 3),
        (Request::publish("a"), "Sent.qos.1", 2),
        (Request::publish("a").and("&dry-run=1"), "DryRun", 2),
        (Request::publish("a").and("&qos=7"), "InvalidQos", 3),
        (Request::publish("$a"), "TopicReserved", 1),
        (Request::publish("a").method("PUT"), "MethodNotAllowed", 2),
        (Request::publish("a").token(&token::without_claim("oid")), "Unauthenticated", 1),
        (Request::publish("a").chunks(vec![vec![b'x'; 65_536]; 9]), "PayloadTooLarge", 2),
    ];
    for (request, _, count) in &rows {
        for number in 0..*count {
            let protocol = Protocol::ALL[number % 4];
            assert!(edge.at(protocol).send(request.clone()).status >= 200);
        }
    }
    // Requests that are none of the filter's business, or that it does not see, are not counted.
    for request in [Request::post("/elsewhere"), Request::publish("a").without_token()] {
        assert!(edge.send(request).status >= 400);
    }
    let expected: BTreeMap<_, _> = rows.iter().map(|(_, outcome, count)| (*outcome, *count as u64)).collect();
    let seen: BTreeMap<_, _> = expected.keys().map(|outcome| (*outcome, edge.outcomes(outcome))).collect();
    assert_eq!(seen, expected);
    assert_eq!(edge.outcomes("EdgeFailure"), 0);
    let metrics = edge.metrics();
    for series in
        [r#"{outcome="InvalidQos"} 3"#, r#"{outcome="Sent",qos="0"} 3"#, r#"{outcome="EdgeFailure"} 0"#]
    {
        assert!(metrics.contains(&format!("\npostmqtt_requests{series}\n")), "{series} in {metrics}");
    }
}

#[test]
fn what_the_bridge_tells_its_operators_is_not_at_the_edge() {
    let edge = Edge::shared();
    for path in [
        "/metrics",
        "/healthz",
        "/readyz",
        "/mqtt/messages/../../metrics",
        "/mqtt/messages%2F..%2F..%2Fmetrics",
    ] {
        let request = Request::post(path).method("GET");
        for protocol in Protocol::ALL {
            let answer = edge.at(protocol).send(request.clone());
            assert!(matches!(answer.status, 400 | 404), "{path} over {protocol:?}: {answer:?}");
            assert!(!answer.text().contains("postmqtt_bridge"), "{path} over {protocol:?}: {answer:?}");
        }
    }
}
