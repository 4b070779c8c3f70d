//! Requests that end before their payload does, or whose payload is not as long as they say: nothing of them is
//! published.

use end_to_end::raw::{self, RawConnection};
use end_to_end::{Body, Edge, Protocol, Request, block_on, eventually, token};
use rig::stack::Mosquitto;

#[test]
fn a_client_that_is_gone_before_the_end_publishes_nothing() {
    let edge = Edge::shared();
    let subscriber = edge.subscribe();
    let rows = [
        ("content-length: 10\r\n", "first"),
        ("transfer-encoding: chunked\r\n", "5\r\nfirst\r\n"),
        ("content-length: 5\r\nmqtt-payload-format-indicator: 1\r\n", "firs"),
        ("transfer-encoding: chunked\r\nmqtt-payload-format-indicator: 1\r\n", "5\r\nfirst\r\n"),
        ("transfer-encoding: chunked\r\n", "5\r\nfirst\r\n0\r\n"),
    ];
    for (number, (more, body)) in rows.iter().enumerate() {
        let topic = edge.topic(&format!("gone{number}"));
        let mut connection = RawConnection::open(edge.address());
        connection.write(head(&topic, more).as_bytes());
        connection.write(body.as_bytes());
        if number % 2 == 0 {
            connection.finish_writing();
        }
        drop(connection);
        logged(&edge, &topic);
        assert_eq!(edge.published_until_now(&subscriber, &topic), [], "{more}{body}");
    }
    // Without an edge.
    let topic = edge.topic("gone-bridge");
    for (more, body) in rows {
        let mut connection = RawConnection::open(edge.bridge(Protocol::Http1).address());
        connection.write(head(&topic, more).as_bytes());
        connection.write(body.as_bytes());
        // The bridge may answer (400), or close; it has seen the end when it does either.
        connection.finish_writing();
        if let Some(answer) = connection.read_answer() {
            assert_eq!(answer.expect_problem().status, 400, "{more}{body}");
        }
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn a_stream_that_is_reset_before_its_end_publishes_nothing() {
    let edge = Edge::start("reset", |stack| stack.mosquitto(Mosquitto::new()));
    let subscriber = edge.subscribe();
    for (number, endpoint) in [edge.at(Protocol::Http2), edge.bridge(Protocol::Http2)].into_iter().enumerate()
    {
        for format in ["0", "1"] {
            let topic = edge.topic(&format!("reset{number}{format}"));
            let request = Request::publish(&topic)
                .header("mqtt-payload-format-indicator", format)
                // A shorter payload, or one of unknown length, would wait at the edge.
                .header("content-length", "100000")
                .with_body(Body::chunked(["first"]).never_ending());
            let pending = endpoint.begin(request);
            if number == 0 {
                eventually("the head to be with the bridge", || {
                    (edge.stat("cluster.mqtt_bridge.upstream_rq_active") == 1).then_some(())
                });
                pending.abandon();
                eventually("the request to be over", || {
                    (edge.stat("http.edge.downstream_rq_active") == 0).then_some(())
                });
            } else {
                pending.abandon();
            }
            assert_eq!(edge.published_until_now(&subscriber, &topic), [], "PFI {format} at {endpoint:?}");
        }
    }
}

#[test]
fn a_payload_that_is_not_as_long_as_it_says_is_not_published() {
    const CHUNKED: &str = "transfer-encoding: chunked";
    // The header, the payload, and the statuses of the edge and of the bridge.
    let rows = [
        ("content-length: +3", "abc", 400, 400),
        ("content-length: -3", "abc", 400, 400),
        ("content-length: 0x3", "abc", 400, 400),
        ("content-length: three", "abc", 400, 400),
        ("content-length:", "abc", 400, 400),
        ("content-length: 99999999999999999999999", "abc", 400, 400),
        ("content-length: 3, 4", "abcd", 400, 400),
        ("content-length: 3\r\ncontent-length: 4", "abcd", 400, 400),
        ("transfer-encoding: gzip", "3\r\nabc\r\n0\r\n\r\n", 501, 400),
        ("transfer-encoding: chunked, identity", "3\r\nabc\r\n0\r\n\r\n", 501, 400),
        ("transfer-encoding: \"chunked\"", "3\r\nabc\r\n0\r\n\r\n", 501, 400),
        (CHUNKED, "xyz\r\nabc\r\n0\r\n\r\n", 400, 400),
        (CHUNKED, "+3\r\nabc\r\n0\r\n\r\n", 400, 400),
        (CHUNKED, "0x3\r\nabc\r\n0\r\n\r\n", 400, 400),
        (CHUNKED, "3\nabc\n0\n\n", 400, 400),
        (CHUNKED, "3\r\nabcd\r\n0\r\n\r\n", 400, 400),
        (CHUNKED, "fffffffffffffffff\r\nabc\r\n0\r\n\r\n", 400, 400),
    ];
    let edge = Edge::shared();
    let topic = edge.topic("length");
    let subscriber = edge.subscribe();
    let exchange = |address, header: &str, payload: &str| {
        let bytes = format!("{}{payload}", head(&topic, &format!("{header}\r\n")));
        raw::exchange(address, bytes.as_bytes()).unwrap_or_else(|| panic!("no answer to {header} {payload}"))
    };
    let bridge = edge.bridge(Protocol::Http1).address();
    for (header, payload, at_the_edge, at_the_bridge) in rows {
        let problem = exchange(edge.address(), header, payload).expect_problem();
        assert_eq!(problem.status, at_the_edge, "{header} {payload}");
        assert_eq!(exchange(bridge, header, payload).status, at_the_bridge, "{header} {payload}");
    }
    // Two lengths at once, the beginning of many an attack. (The bridge takes the chunks, as RFC 9112 allows, and closes.)
    for more in
        ["content-length: 3\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 3"]
    {
        let problem = exchange(edge.address(), more, "3\r\nabc\r\n0\r\n\r\n").expect_problem();
        assert_eq!(problem.status, 400, "{more}");
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn an_http2_payload_that_is_not_as_long_as_it_says_is_not_published() {
    let edge = Edge::shared();
    let topic = edge.topic("http2-length");
    let subscriber = edge.subscribe();
    for endpoint in [edge.at(Protocol::Http2), edge.at(Protocol::Https2), edge.bridge(Protocol::Http2)] {
        for length in ["2", "4", "0", "524289"] {
            let request = Request::publish(&topic).header("content-length", length).chunks(["abc"]);
            let answer = block_on(async { endpoint.connect().await.send(request).await });
            // The stream is reset, or the request refused.
            if let Ok(answer) = answer {
                assert!(matches!(answer.status, 400 | 413), "{length} at {endpoint:?}: {answer:?}");
            }
        }
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

/// The head of a publish over HTTP/1.1, with more headers.
fn head(topic: &str, more: &str) -> String {
    format!(
        "POST /mqtt/messages?topic={topic} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n{more}\r\n",
        token::valid()
    )
}

/// Waits until the edge is done with the request for this topic.
fn logged(edge: &Edge, topic: &str) {
    eventually(&format!("a line of the access log about {topic}"), || {
        let topics = [topic.to_owned(), end_to_end::percent_encoded(topic)];
        edge.log_lines().find(|line| topics.contains(&line.text("topic")))
    });
}
