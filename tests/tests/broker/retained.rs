//! Retained messages: set, read, listed and cleared over HTTP alone.

use end_to_end::{Answer, Edge, Protocol, Request, config, percent_encoded};
use rig::stack::{Mosquitto, types};
use serde_json::{Value, json};

/// An edge that lets clients publish everywhere, and read below `open/`.
fn edge() -> Edge {
    Edge::start("retained", |stack| {
        let stack = stack.mosquitto(Mosquitto::new()).bridge_argument("--retained-reads=8");
        stack.bridge_argument("--retained-quiet=0s").envoy_config(|edge| {
            config::set(edge, "permissions", &json!({
                "topicSpaces": [
                    { "name": "all", "templates": ["#"] },
                    { "name": "open", "templates": ["open/#"] },
                ],
                "permissionBindings": [
                    { "name": "write", "clientGroup": "$all", "topicSpace": "all" },
                    { "name": "read", "clientGroup": "$all", "topicSpace": "open", "permission": "subscriber" },
                ],
            }));
        })
    })
}

fn read(topic: &str) -> Request {
    let target = format!("/mqtt/retainedMessages/message?topic={}", percent_encoded(topic));
    Request::post(target).method("GET")
}

fn list(query: &str) -> Request {
    Request::post(format!("/mqtt/retainedMessages?{query}")).method("GET")
}

fn expect(answer: &Answer, status: u16, code: &str) {
    let problem = answer.expect_problem();
    assert_eq!((problem.status, problem.code.as_str()), (status, code), "{:#}", problem.document);
}

fn store(edge: &Edge, topic: &str, payload: &str) {
    let request = Request::publish(topic).header("mqtt-retain", "1").header("content-type", "text/plain");
    assert_eq!(edge.send(request.body(payload.to_owned())).status, 202, "{topic}");
}

#[test]
fn a_retained_message_is_set_read_and_cleared_over_every_protocol() {
    let edge = edge();
    for (number, endpoint) in edge.with_and_without().into_iter().enumerate() {
        let topic = format!("open/{number} ä");
        expect(&endpoint.send(read(&topic)), 404, "NoRetainedMessage");
        store(&edge, &topic, "on");
        let answer = endpoint.send(read(&topic));
        assert_eq!((answer.status, answer.text().as_str()), (200, "on"), "{endpoint:?}");
        assert_eq!(answer.header("content-type"), Some("text/plain"));
        assert_eq!(answer.header("x-ms-mqtt-qos"), Some("1"));
        let tag = answer.header("etag").expect("an ETag").to_owned();
        let again = endpoint.send(read(&topic).header("if-none-match", &tag));
        assert_eq!((again.status, again.text().as_str()), (304, ""), "{endpoint:?}");
        let head = endpoint.send(read(&topic).method("HEAD"));
        assert_eq!((head.status, head.header("etag"), head.text().as_str()), (200, Some(tag.as_str()), ""));
        store(&edge, &topic, "");
        expect(&endpoint.send(read(&topic)), 404, "NoRetainedMessage");
    }

    for number in 0..5 {
        store(&edge, &format!("open/list/{number}"), "x");
    }
    store(&edge, "closed/a", "x");
    let mut query = "topicFilter=open%2Flist%2F%23&maxResults=2".to_owned();
    let mut topics = Vec::new();
    loop {
        let page: Value =
            serde_json::from_slice(&edge.at(Protocol::Http2).send(list(&query)).body).expect("JSON");
        let entries = page["retainedMessages"].as_array().expect("a list");
        topics.extend(entries.iter().map(|entry| entry["topic"].as_str().expect("a topic").to_owned()));
        let Some(link) = page["nextLink"].as_str() else { break };
        link.split_once('?').expect("a query").1.clone_into(&mut query);
    }
    let line = edge.log_line(&edge.send(list("topicFilter=open%2Flist%2F%23")));
    assert_eq!((line.text("topicFilter").as_str(), line.text("status").as_str()), ("open/list/#", "200"));
    assert_eq!(topics, (0..5).map(|number| format!("open/list/{number}")).collect::<Vec<_>>());

    // What only a bridge would answer does not reach it.
    expect(&edge.send(read("closed/a")), 403, "NotPermitted");
    for filter in ["closed%2F%23", "%23", "%2B%2Fa", "open%2B"] {
        let status = if filter == "open%2B" { (400, "InvalidTopicFilter") } else { (403, "NotPermitted") };
        expect(&edge.send(list(&format!("topicFilter={filter}"))), status.0, status.1);
    }
    let refused = edge.send(read("open/a").method("DELETE"));
    expect(&refused, 405, "MethodNotAllowed");
    assert_eq!(refused.header("allow"), Some("GET, HEAD"));
    expect(&edge.send(read("open/a").without_token()), 401, "Unauthenticated");
    assert_eq!(edge.bridge(Protocol::Http1).send(read("closed/a")).status, 200, "a bridge alone permits all");
}

#[test]
fn they_are_off_unless_they_are_switched_on() {
    let edge = Edge::shared();
    for endpoint in edge.with_and_without() {
        expect(&endpoint.send(read("a")), 404, "NotFound");
        expect(&endpoint.send(list("topicFilter=%23")), 404, "NotFound");
    }
}

#[test]
fn their_path_can_be_another_one() {
    let edge = Edge::start("path", |stack| {
        let stack = stack.mosquitto(Mosquitto::new()).bridge_argument("--retained-reads=8");
        stack.bridge_argument("--retained-path=/kept").envoy_config(|edge| {
            config::set(edge, "retainedMessages", &json!("on"));
            config::set(edge, "retainedPath", &json!("/kept"));
            edge.each(types::HTTP_CONNECTION_MANAGER, |manager| {
                let routes = &mut manager["route_config"]["virtual_hosts"][0]["routes"];
                for route in routes.as_array_mut().into_iter().flatten() {
                    if let Some(prefix) = route["match"].get_mut("path_separated_prefix") {
                        *prefix = json!("/kept");
                    }
                }
            });
        })
    });
    store(&edge, "a/1", "on");
    store(&edge, "a/2", "off");
    for endpoint in edge.with_and_without() {
        let get = |target: &str| endpoint.send(Request::post(target).method("GET"));
        assert_eq!(get("/kept/message?topic=a%2F1").text(), "on", "{endpoint:?}");
        let page: Value =
            serde_json::from_slice(&get("/kept?topicFilter=a%2F%23&maxResults=1").body).expect("JSON");
        let next = get(page["nextLink"].as_str().expect("a link")).text();
        assert!(next.contains("\"topic\":\"a/2\""), "{next}");
        expect(&endpoint.send(read("a/1")), 404, "NotFound");
    }
}
