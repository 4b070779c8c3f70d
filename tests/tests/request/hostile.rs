//! Requests that no well-behaved client sends: each gets a refusal that can be read, or a closed connection, and the edge
//! goes on serving.

use end_to_end::raw::{self, RawConnection};
use end_to_end::{Edge, Protocol, Request, percent_encoded, token};

/// The beginning of a request over HTTP/1.1.
fn start(target: &str) -> String {
    let token = token::valid();
    format!("POST {target} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n")
}

#[test]
fn bytes_that_are_not_utf8_are_refused_in_fields_that_are_read_and_ignored_elsewhere() {
    // The header, its bytes, and the code; `None` where it is no parameter.
    let rows: &[(&str, &[u8], Option<&str>)] = &[
        ("mqtt-qos", b"\xb9", Some("InvalidQos")),
        ("mqtt-retain", b"\xff", Some("InvalidRetain")),
        ("mqtt-response-topic", b"a\xff", Some("InvalidUtf8")),
        ("mqtt-response-topic", b"a\xc3", Some("InvalidUtf8")),
        ("mqtt-response-topic", b"%41\xed\xa0\x80", Some("InvalidUtf8")),
        ("mqtt-correlation-data", b"\xe4AAA", Some("InvalidBase64")),
        ("mqtt-user-properties", b"W\xff", Some("InvalidBase64")),
        ("mqtt-user-properties", b"[{\"a\":\"\xff\"}]", Some("InvalidUserProperties")),
        ("content-type", b"text/\xff", Some("InvalidUtf8")),
        ("mqtt-message-expiry", b"\xb2", Some("InvalidMessageExpiry")),
        ("mqtt-payload-format-indicator", b"\x80", Some("InvalidPayloadFormatIndicator")),
        ("x-anything", b"\xff\xfe\x80", None),
        ("user-agent", b"Gr\xfc\xdfe", None),
    ];
    let edge = Edge::shared();
    let topic = edge.topic("not-utf8");
    let subscriber = edge.subscribe();
    for endpoint in edge.with_and_without() {
        for (name, value, code) in rows {
            let answer = endpoint.send(Request::publish(&topic).header(name, value).body("x"));
            let Some(code) = code else {
                answer.expect_published(204);
                assert_eq!(subscriber.next().text(), "x");
                continue;
            };
            let problem = answer.expect_problem();
            let at = format!("{name}: {} at {endpoint:?}", value.escape_ascii());
            assert_eq!((problem.status, problem.places()), (400, vec![("header", *name, *code)]), "{at}");
        }
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn text_that_is_utf8_but_was_not_percent_encoded_arrives() {
    let edge = Edge::shared();
    let topic = edge.topic("plain-utf8");
    let subscriber = edge.subscribe();
    for endpoint in edge.with_and_without() {
        let request = Request::publish(&topic)
            .header("mqtt-response-topic", "antwort/ä€")
            .header("mqtt-user-properties", r#"[{"größe":"2 m²"}]"#)
            .header("content-type", "text/plain; name=\"ä\"");
        endpoint.send(request).expect_published(204);
        let message = subscriber.next();
        assert_eq!(message.response_topic.as_deref(), Some("antwort/ä€"), "{endpoint:?}");
        assert_eq!(message.user_properties, [("größe".to_owned(), "2 m²".to_owned())], "{endpoint:?}");
        assert_eq!(message.content_type.as_deref(), Some("text/plain; name=\"ä\""), "{endpoint:?}");
    }
}

#[test]
fn a_refusal_shows_nothing_of_what_was_sent_unescaped() {
    let edge = Edge::shared();
    let hostile = "<script>alert(1)</script>\"},{\"code\":\"Other";
    for endpoint in edge.with_and_without() {
        for request in [
            Request::publish(hostile).header("mqtt-qos", hostile),
            Request::publish("a").header("mqtt-response-topic", format!("+{hostile}")),
            Request::publish("a").header("mqtt-user-properties", format!("[{{\"{}\":1}}]", "<b>")),
            Request::publish("a").header("mqtt-correlation-data", hostile),
            Request::post(format!("/mqtt/messages?topic=a&api-version={}", percent_encoded(hostile))),
        ] {
            let problem = endpoint.send(request).expect_problem();
            assert_ne!(problem.code, "Other");
            assert!(!problem.answer.text().contains("<script>"), "{}", problem.answer.text());
        }
    }
    for address in [edge.address(), edge.bridge(Protocol::Http1).address()] {
        for target in
            ["/mqtt/messages?topic=$<script>&api-version=<script>", "/<script>", "/mqtt/messages<script>"]
        {
            let bytes = format!("{}content-length: 0\r\n\r\n", start(target));
            let answer = raw::exchange(address, bytes.as_bytes()).expect("an answer");
            assert!(answer.status >= 400 && !answer.text().contains("<script>"), "{target}: {answer:?}");
        }
    }
}

#[test]
fn bytes_that_are_no_request_are_refused_and_nothing_is_published() {
    let edge = Edge::shared();
    let topic = edge.topic("no-request");
    let subscriber = edge.subscribe();
    let target = format!("/mqtt/messages?topic={topic}");
    let with = |more: &str| format!("{}{more}content-length: 0\r\n\r\n", start(&target)).into_bytes();
    let authorized = format!("authorization: Bearer {}\r\ncontent-length: 0\r\n\r\n", token::valid());
    let line = |line: &str| format!("{line}\r\nhost: localhost\r\n{authorized}").into_bytes();
    let rows: Vec<(Vec<u8>, u16)> = vec![
        (b"hello\r\n\r\n".to_vec(), 400),
        (line(&format!("POST {target}")), 426),
        (line(&format!("POST {target} HTTP/1.0")), 426),
        (line(&format!("POST {target} HTTP/9.9")), 426),
        (line(&format!("POST {target} x HTTP/1.1")), 400),
        (line(&format!("POST {target}\u{0} HTTP/1.1")), 400),
        (line(&format!("POST {target}#fragment HTTP/1.1")), 400),
        (line(&format!("post {target} HTTP/1.1")), 400),
        (line(&format!("P\u{0}ST {target} HTTP/1.1")), 400),
        (line(&format!("CONNECT {target} HTTP/1.1")), 400),
        (line("CONNECT localhost:80 HTTP/1.1"), 404),
        (line("OPTIONS * HTTP/1.1"), 404),
        (format!("POST {target} HTTP/1.1\r\n{authorized}").into_bytes(), 400),
        (format!("POST {target} HTTP/1.1\r\nhost: a b\r\n{authorized}").into_bytes(), 400),
        (with("no colon\r\n"), 400),
        (with(": no name\r\n"), 400),
        (with("mqtt-qos : 1\r\n"), 400),
        (with("m\u{0}qtt: 1\r\n"), 400),
        (with("x: a\u{0}b\r\n"), 400),
        (with("x: a\u{7}b\r\n"), 400),
        (with("mqtt-qos: 1\r\n 0\r\n"), 400),
        (with("mqtt-response-topic: a\r\n\tb\r\n"), 400),
        (with("expect: something else\r\nmqtt-qos: 5\r\n"), 400),
    ];
    for (bytes, status) in rows {
        let shown = String::from_utf8_lossy(&bytes).replace(token::valid(), "…");
        let answer =
            raw::exchange(edge.address(), &bytes).unwrap_or_else(|| panic!("no answer to {shown:?}"));
        assert_eq!(answer.status, status, "{shown:?}: {}", answer.text());
        assert_eq!(answer.expect_problem().status, status, "{shown:?}");
    }
    for bytes in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"\x00\x00\x00\x00", b"POST /mqtt/mess"]
    {
        let mut connection = RawConnection::open(edge.address());
        connection.write(bytes);
        connection.finish_writing();
        // It may close without a word.
        assert!(
            connection.read_answer().is_none_or(|answer| answer.status == 400),
            "{}",
            bytes.escape_ascii()
        );
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn what_http_2_cannot_say_to_a_bridge_is_kept_from_it() {
    let edge = Edge::shared();
    let topic = edge.topic("for-the-edge");
    let subscriber = edge.subscribe();
    let token = token::valid();
    let hosts = ["", "[::1", "a%", "a:b", "a@b"].map(|host| format!("host: {host}\r\n"));
    let wishes = ["", "gzip", "trailers, deflate;q=0.5"].map(|te| format!("host: localhost\r\nte: {te}\r\n"));
    for fields in hosts.iter().chain(&wishes) {
        let bytes = format!(
            "POST /mqtt/messages?topic={topic} HTTP/1.1\r\n{fields}authorization: Bearer {token}\r\n\
             content-length: 1\r\n\r\nx"
        );
        let answer = raw::exchange(edge.address(), bytes.as_bytes()).expect("an answer");
        answer.expect_published(204);
        assert_eq!(subscriber.next().text(), "x", "{fields:?}");
    }
}

#[test]
fn a_message_that_looks_like_a_grpc_call_is_answered_like_any_other() {
    let edge = Edge::shared();
    let topic = edge.topic("grpc");
    let subscriber = edge.subscribe();
    let too_large = vec![vec![b'x'; 65_536]; 9];
    let rows = [
        (Request::publish(&topic).and("&qos=7"), 400, "InvalidQos"),
        (Request::publish(&topic).and("&api-version=%22%25"), 400, "UnsupportedApiVersion"),
        (
            Request::publish(&topic).header("mqtt-payload-format-indicator", "1").body(&b"\xff"[..]),
            400,
            "PayloadNotUtf8",
        ),
        (Request::publish(&topic).without_token(), 401, "Unauthenticated"),
        (Request::publish(&topic).token(&token::tampered()), 401, "Unauthenticated"),
        (Request::publish("$a"), 403, "TopicReserved"),
        (Request::post("/elsewhere"), 404, "NotFound"),
        (Request::post("/mqtt%2Fmessages"), 400, "MalformedRequest"),
        (Request::publish(&topic).method("PUT"), 405, "MethodNotAllowed"),
        (Request::publish(&topic).chunks(too_large), 413, "PayloadTooLarge"),
    ];
    for protocol in Protocol::ALL {
        for content_type in ["application/grpc", "application/grpc+proto", "application/grpc-web"] {
            for (request, status, code) in &rows {
                let answer = edge.at(protocol).send(request.clone().header("content-type", content_type));
                let problem = answer.expect_problem();
                let at = format!("{request:?} as {content_type} over {protocol:?}");
                assert_eq!((problem.status, problem.code.as_str()), (*status, *code), "{at}");
                assert_eq!(edge.log_line(&answer).text("status"), status.to_string(), "{at}");
            }
            let request = Request::publish(&topic).header("content-type", content_type).body("100 %41 \"ä\"");
            let shown = edge.at(protocol).send(request.clone().and("&dry-run=1"));
            assert_eq!((shown.status, shown.header("content-type")), (200, Some("application/json")));
            let shown: serde_json::Value = serde_json::from_slice(&shown.body).expect("JSON");
            assert_eq!(shown["publish"]["contentType"], content_type);
            edge.at(protocol).send(request).expect_published(204);
            assert_eq!(subscriber.next().content_type.as_deref(), Some(content_type));
        }
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn raw_bytes_in_the_target_never_become_another_topic() {
    let edge = Edge::shared();
    let prefix = edge.topic("target");
    let subscriber = edge.subscribe();
    let rows: &[&[u8]] = &[b"\xff", b"\xc3\xa4", b"\x7f", b"\x01", b"\"", b"<>", b"{}", b"|", b"^`", b"\\"];
    for address in [edge.address(), edge.bridge(Protocol::Http1).address()] {
        for bytes in rows {
            let target = [b"POST /mqtt/messages?topic=", prefix.as_bytes(), bytes, b" HTTP/1.1\r\n"].concat();
            let rest = format!(
                "host: localhost\r\nauthorization: Bearer {}\r\ncontent-length: 0\r\n\r\n",
                token::valid()
            );
            let answer = raw::exchange(address, &[target, rest.into_bytes()].concat());
            let shown = bytes.escape_ascii();
            match answer.map(|answer| answer.status) {
                Some(204) => {
                    let expected =
                        format!("{prefix}{}", std::str::from_utf8(bytes).expect("only text may arrive"));
                    assert_eq!(subscriber.next().topic, expected, "{shown}");
                }
                answer => assert!(answer.is_none_or(|status| status == 400), "{shown}: {answer:?}"),
            }
        }
    }
    assert_eq!(edge.published_until_now(&subscriber, &prefix), []);
}

#[test]
fn a_target_with_characters_outside_ascii_is_refused_over_every_protocol() {
    let edge = Edge::shared();
    let topic = edge.topic("raw-utf8");
    let subscriber = edge.subscribe();
    let edges = Protocol::ALL.map(|protocol| edge.at(protocol));
    let bridges = [edge.bridge(Protocol::Http1), edge.bridge(Protocol::Http2)];
    for endpoint in edges.into_iter().chain(bridges) {
        for more in ["grün", "&x=grün"] {
            let problem = endpoint.send(Request::publish(&topic).and(more)).expect_problem();
            assert_eq!(problem.status, 400, "{more} at {endpoint:?}: {:#}", problem.document);
            // Envoy's own parser of HTTP/1.1 refuses such a target before the filter sees it.
            assert!(["InvalidPercentEncoding", "MalformedRequest"].contains(&problem.code.as_str()));
        }
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn headers_over_the_edges_limits_are_431() {
    let edge = Edge::shared();
    let topic = edge.topic("large-headers");
    let subscriber = edge.subscribe();
    let large = |request: Request| {
        (0..3).fold(request, |request, number| request.header(&format!("x-{number}"), "x".repeat(50_000)))
    };
    let many = |request: Request| {
        (0..110).fold(request, |request, number| request.header(&format!("x-{number}"), "x"))
    };
    for protocol in Protocol::ALL {
        for request in [large(Request::publish(&topic)), many(Request::publish(&topic))] {
            let answer =
                end_to_end::block_on(async { edge.at(protocol).connect().await.send(request).await });
            // Over HTTP/2 Envoy may also reset the stream.
            match answer {
                Ok(answer) => assert_eq!(answer.expect_problem().status, 431, "{protocol:?}"),
                Err(error) => assert!(protocol.is_http2(), "{protocol:?}: {error:?}"),
            }
        }
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn thousands_of_faults_are_told_in_a_short_answer() {
    let edge = Edge::shared();
    for endpoint in edge.with_and_without() {
        let json = format!("[{}1]", "1,".repeat(25_000));
        let request = Request::publish("a").header("mqtt-user-properties", json);
        let problem = endpoint.send(request).expect_problem();
        assert_eq!(problem.code, "InvalidUserProperties", "{endpoint:?}");
        assert!(problem.answer.body.len() < 16_384, "{} bytes", problem.answer.body.len());
        let query = "&qos=9".repeat(5_000);
        let problem = endpoint.send(Request::publish("a").and(&query)).expect_problem();
        assert_eq!(problem.code, "DuplicateParameter", "{endpoint:?}");
        let deep = format!("[{}{}]", "[".repeat(20_000), "]".repeat(20_000));
        let problem =
            endpoint.send(Request::publish("a").header("mqtt-user-properties", deep)).expect_problem();
        assert_eq!(problem.code, "InvalidUserProperties", "{endpoint:?}");
    }
    // None of that cost the edge its filter.
    edge.send(Request::publish(&edge.topic("after"))).expect_published(202);
}
