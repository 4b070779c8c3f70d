//! Every parameter of a publish: each spelling that is refused, with its code, and that it is not published.
//!
//! The same tables hold for the edge and for a bridge without one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use end_to_end::{Edge, Request, percent_encoded};

/// Sends a request everywhere, and expects this refusal.
fn expect(edge: &Edge, request: &Request, status: u16, code: &str, places: &[(&str, &str, &str)]) {
    for endpoint in edge.with_and_without() {
        let problem = endpoint.send(request.clone()).expect_problem();
        let at = format!("{request:?} at {endpoint:?}: {:#}", problem.document);
        assert_eq!((problem.status, problem.code.as_str()), (status, code), "{at}");
        assert_eq!(problem.places(), places, "{at}");
    }
}

/// Runs a table, and then looks whether anything of it was published.
fn nothing_is_published(table: impl FnOnce(&Edge, &Request)) {
    let edge = Edge::shared();
    let topic = edge.topic("refused");
    let subscriber = edge.subscribe();
    table(&edge, &Request::publish(&topic).body("refused"));
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn a_query_parameter_that_is_wrong_is_refused_by_its_code() {
    let rows = [
        ("&qos=2", "qos", "InvalidQos"),
        ("&qos=-1", "qos", "InvalidQos"),
        ("&qos=01", "qos", "InvalidQos"),
        ("&qos=%31", "qos", "InvalidQos"),
        ("&qos=%201", "qos", "InvalidQos"),
        ("&qos=1+", "qos", "InvalidQos"),
        ("&qos=", "qos", "InvalidQos"),
        ("&qos", "qos", "InvalidQos"),
        ("&qos=one", "qos", "InvalidQos"),
        ("&qos=%EF%BC%91", "qos", "InvalidQos"),
        ("&qos=%zz", "qos", "InvalidQos"),
        ("&retain=2", "retain", "InvalidRetain"),
        ("&retain=true", "retain", "InvalidRetain"),
        ("&retain=", "retain", "InvalidRetain"),
        ("&api-version=2024-01-01", "api-version", "UnsupportedApiVersion"),
        ("&api-version=", "api-version", "UnsupportedApiVersion"),
        ("&api-version=2025-02-15-PREVIEW", "api-version", "UnsupportedApiVersion"),
        ("&dry-run=true", "dry-run", "InvalidDryRun"),
        // Given twice, in whatever spelling.
        ("&qos=1&qos=1", "qos", "DuplicateParameter"),
        ("&qos=1&q%6fs=1", "qos", "DuplicateParameter"),
        ("&retain=0&retain=1", "retain", "DuplicateParameter"),
        ("&topic=b", "topic", "DuplicateParameter"),
        ("&%74opic=b", "topic", "DuplicateParameter"),
        ("&topic", "topic", "DuplicateParameter"),
        (
            "&api-version=2025-02-15-preview&api-version=2025-02-15-preview",
            "api-version",
            "DuplicateParameter",
        ),
        ("&dry-run=0&dry-run=0", "dry-run", "DuplicateParameter"),
    ];
    nothing_is_published(|edge, request| {
        for (query, parameter, code) in rows {
            expect(edge, &request.clone().and(query), 400, code, &[("query", parameter, code)]);
        }
        // The query wins, and so does what is wrong with it.
        let headers = [("mqtt-qos", "1"), ("mqtt-retain", "0")];
        let request = request.clone().headers(&headers);
        expect(edge, &request.clone().and("&qos=2"), 400, "InvalidQos", &[("query", "qos", "InvalidQos")]);
        expect(
            edge,
            &request.and("&retain=x"),
            400,
            "InvalidRetain",
            &[("query", "retain", "InvalidRetain")],
        );
    });
}

#[test]
fn a_header_that_is_wrong_is_refused_by_its_code() {
    let base64 = |json: &str| STANDARD.encode(json);
    let not_utf8 = STANDARD.encode(b"[{\"a\":\"\xff\"}]");
    let [object, number, null, nested] =
        [r#"{"a":"b"}"#, r#"[{"a":1}]"#, r#"[{"a":null}]"#, r#"[{"a":{"b":"c"}}]"#].map(base64);
    let [not_json, cut, more, surrogate] =
        ["[{]", r#"[{"a":"b"}"#, r#"[{"a":"b"}]x"#, r#"[{"a":"\ud800"}]"#].map(base64);
    let [nul, control] = [r#"[{"a":"\u0000"}]"#, r#"[{"\u0007":"b"}]"#].map(base64);
    let long_data = STANDARD.encode([0; 257]);
    let padded_wrongly = STANDARD_NO_PAD.encode("ab") + "==";
    let long_topic = percent_encoded(&"ä".repeat(129));
    let long_type = "x".repeat(257);
    let rows: &[(&str, &str, &str)] = &[
        ("mqtt-qos", "2", "InvalidQos"),
        ("mqtt-qos", "", "InvalidQos"),
        ("mqtt-qos", "1;q=1", "InvalidQos"),
        ("mqtt-qos", "1, 1", "InvalidQos"),
        ("mqtt-retain", "yes", "InvalidRetain"),
        ("mqtt-retain", "", "InvalidRetain"),
        ("mqtt-retain", "0,0", "InvalidRetain"),
        ("mqtt-response-topic", "", "EmptyTopic"),
        ("mqtt-response-topic", "a/+", "ResponseTopicWildcard"),
        ("mqtt-response-topic", "a/%23", "ResponseTopicWildcard"),
        ("mqtt-response-topic", "a, b", "DuplicateParameter"),
        ("mqtt-response-topic", "%", "InvalidPercentEncoding"),
        ("mqtt-response-topic", "%c3", "InvalidUtf8"),
        ("mqtt-response-topic", "a%0D%0Ab", "InvalidCharacter"),
        ("mqtt-response-topic", "a%EF%BF%BF", "InvalidCharacter"),
        ("mqtt-response-topic", &long_topic, "ResponseTopicTooLong"),
        ("mqtt-correlation-data", "A", "InvalidBase64"),
        ("mqtt-correlation-data", "AA=", "InvalidBase64"),
        ("mqtt-correlation-data", "AAAA, AAAA", "InvalidBase64"),
        ("mqtt-correlation-data", "AA AA", "InvalidBase64"),
        ("mqtt-correlation-data", "+_8=", "InvalidBase64"),
        ("mqtt-correlation-data", "AB==", "InvalidBase64"),
        ("mqtt-correlation-data", &padded_wrongly, "InvalidBase64"),
        ("mqtt-correlation-data", "55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7", "InvalidCorrelationData"),
        ("mqtt-correlation-data", &long_data, "CorrelationDataTooLong"),
        ("mqtt-user-properties", "", "InvalidUserProperties"),
        ("mqtt-user-properties", r#"{"a":"b"}"#, "InvalidBase64"),
        ("mqtt-user-properties", &object, "InvalidUserProperties"),
        ("mqtt-user-properties", &number, "InvalidUserProperties"),
        ("mqtt-user-properties", &null, "InvalidUserProperties"),
        ("mqtt-user-properties", &nested, "InvalidUserProperties"),
        ("mqtt-user-properties", &not_json, "InvalidUserProperties"),
        ("mqtt-user-properties", &cut, "InvalidUserProperties"),
        ("mqtt-user-properties", &more, "InvalidUserProperties"),
        ("mqtt-user-properties", &surrogate, "InvalidUserProperties"),
        ("mqtt-user-properties", &not_utf8, "InvalidUserProperties"),
        ("mqtt-user-properties", &nul, "InvalidCharacter"),
        ("mqtt-user-properties", &control, "InvalidCharacter"),
        ("mqtt-user-properties", "[],[]", "InvalidUserProperties"),
        ("mqtt-user-properties", "W10=, W10=", "InvalidBase64"),
        ("content-type", &long_type, "ContentTypeTooLong"),
        ("content-type", "text/plain, text/html", "DuplicateParameter"),
        ("mqtt-message-expiry", "", "InvalidMessageExpiry"),
        ("mqtt-message-expiry", "-1", "InvalidMessageExpiry"),
        ("mqtt-message-expiry", "+1", "InvalidMessageExpiry"),
        ("mqtt-message-expiry", "1.5", "InvalidMessageExpiry"),
        ("mqtt-message-expiry", "0x10", "InvalidMessageExpiry"),
        ("mqtt-message-expiry", "1, 2", "InvalidMessageExpiry"),
        ("mqtt-message-expiry", "4294967296", "InvalidMessageExpiry"),
        ("mqtt-message-expiry", "99999999999999999999999999", "InvalidMessageExpiry"),
        ("mqtt-payload-format-indicator", "2", "InvalidPayloadFormatIndicator"),
        ("mqtt-payload-format-indicator", "", "InvalidPayloadFormatIndicator"),
        ("mqtt-payload-format-indicator", "utf-8", "InvalidPayloadFormatIndicator"),
    ];
    nothing_is_published(|edge, request| {
        for (header, value, code) in rows {
            expect(edge, &request.clone().header(header, value), 400, code, &[("header", header, code)]);
        }
    });
}

#[test]
fn a_header_that_is_given_twice_is_refused_though_each_is_good() {
    let rows = [
        ("mqtt-qos", ["1", "1"]),
        ("mqtt-retain", ["0", "1"]),
        ("mqtt-response-topic", ["a", "b"]),
        ("mqtt-correlation-data", ["AAAA", "AAAA"]),
        ("mqtt-user-properties", ["[]", "[]"]),
        ("content-type", ["text/plain", "text/html"]),
        ("mqtt-message-expiry", ["1", "2"]),
        ("mqtt-payload-format-indicator", ["1", "0"]),
    ];
    nothing_is_published(|edge, request| {
        for (header, [first, second]) in rows {
            let request = request.clone().header(header, first).header(header, second);
            expect(edge, &request, 400, "DuplicateParameter", &[("header", header, "DuplicateParameter")]);
        }
    });
}

#[test]
fn a_payload_with_a_content_coding_is_refused() {
    let rows: &[(&[&str], bool)] = &[
        (&["gzip"], false),
        (&["GZIP"], false),
        (&["br, identity"], false),
        (&["identity", "gzip"], false),
        (&["identity;q=1"], false),
        (&["identity"], true),
        (&["Identity, identity"], true),
        (&[""], true),
    ];
    let edge = Edge::shared();
    let topic = edge.topic("encoded");
    let subscriber = edge.subscribe();
    for (values, is_published) in rows {
        let request = Request::publish(&topic).body("{}");
        let request = values.iter().fold(request, |request, value| request.header("content-encoding", value));
        if *is_published {
            for endpoint in edge.with_and_without() {
                endpoint.send(request.clone()).expect_published(204);
                assert_eq!(subscriber.next().payload, b"{}", "{values:?} at {endpoint:?}");
            }
            continue;
        }
        let code = "UnsupportedContentEncoding";
        expect(&edge, &request, 415, code, &[("header", "content-encoding", code)]);
        for endpoint in edge.with_and_without() {
            let answer = endpoint.send(request.clone());
            assert_eq!(answer.header("accept-encoding"), Some("identity"), "{values:?} at {endpoint:?}");
        }
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn user_properties_in_another_encoding_are_refused_with_its_name() {
    let utf16: Vec<u8> = "[{\"a\":\"b\"}]".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let rows: &[(String, &str)] = &[
        (STANDARD.encode(b"[{\"a\":\"gr\xfc\xdfe\"}]"), "Latin-1 or Windows-1252"),
        (STANDARD.encode(&utf16), "UTF-16, little-endian"),
        (STANDARD.encode(b"\xef\xbb\xbf[{\"a\":\"b\"}]"), "UTF-8 with a byte order mark"),
    ];
    let edge = Edge::shared();
    for endpoint in edge.with_and_without() {
        for (value, encoding) in rows {
            let request = Request::publish("a").header("mqtt-user-properties", value);
            let problem = endpoint.send(request).expect_problem();
            assert_eq!(problem.code, "InvalidUserProperties", "{endpoint:?}");
            let detail = problem.document["detail"].as_str().unwrap_or_default();
            assert!(detail.ends_with(&format!("seems to be {encoding}")), "{endpoint:?}: {detail}");
        }
    }
}

#[test]
fn each_pair_of_the_user_properties_that_is_wrong_is_named() {
    let json = r#"[{"a":"1"},{"b":1,"c":null},[],"x",{"d":["e"]},{"f":{}},7,true]"#;
    let violation = ("header", "mqtt-user-properties", "InvalidUserProperties");
    let positions = [
        "element 2, pair 1",
        "element 2, pair 2",
        "element 3",
        "element 4",
        "element 5, pair 1",
        "element 6, pair 1",
        "element 7",
        "element 8",
    ];
    let edge = Edge::shared();
    let request = Request::publish("a").header("mqtt-user-properties", STANDARD.encode(json));
    for endpoint in edge.with_and_without() {
        let problem = endpoint.send(request.clone()).expect_problem();
        assert_eq!(problem.places(), [violation; 8], "{endpoint:?}");
        for (position, violation) in positions.iter().zip(&problem.violations) {
            assert!(violation.detail.contains(position), "{position}: {}", violation.detail);
        }
    }
}

#[test]
fn a_topic_that_cannot_be_published_to_is_refused() {
    let long = "x".repeat(257);
    let long_in_umlauts = "%C3%A4".repeat(129);
    // The query's value, and the status with every code.
    let rows: &[(&str, u16, &[&str])] = &[
        ("", 400, &["EmptyTopic"]),
        ("a%", 400, &["InvalidPercentEncoding"]),
        ("a%2", 400, &["InvalidPercentEncoding"]),
        ("a%zz", 400, &["InvalidPercentEncoding"]),
        ("a%u0041", 400, &["InvalidPercentEncoding"]),
        ("a%00", 400, &["InvalidCharacter"]),
        ("a%0D%0Ab", 400, &["InvalidCharacter"]),
        ("a%7F", 400, &["InvalidCharacter"]),
        ("a%C2%80", 400, &["InvalidCharacter"]),
        ("a%EF%BF%BE", 400, &["InvalidCharacter"]),
        ("a%EF%B7%90", 400, &["InvalidCharacter"]),
        ("a%ff", 400, &["InvalidUtf8"]),
        ("a%C3", 400, &["InvalidUtf8"]),
        ("a%C0%AF", 400, &["InvalidUtf8"]),
        ("a%ED%A0%80", 400, &["InvalidUtf8"]),
        ("a%F4%90%80%80", 400, &["InvalidUtf8"]),
        ("a+b", 403, &["TopicWildcard"]),
        ("a%2Bb", 403, &["TopicWildcard"]),
        ("+", 403, &["TopicWildcard"]),
        ("a/%23", 403, &["TopicWildcard"]),
        ("a%23b", 403, &["TopicWildcard"]),
        ("$SYS/broker/uptime", 403, &["TopicReserved"]),
        ("%24share/group/a", 403, &["TopicReserved"]),
        ("$", 403, &["TopicReserved"]),
        (&long, 403, &["TopicTooLong"]),
        (&long_in_umlauts, 403, &["TopicTooLong"]),
        ("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", 403, &["TopicTooManySegments"]),
        ("///////////////", 403, &["TopicTooManySegments"]),
        (
            "$a/+/1/2/3/4/5/6/7/8/9/10/11/12/13/14",
            403,
            &["TopicReserved", "TopicTooManySegments", "TopicWildcard"],
        ),
    ];
    let edge = Edge::shared();
    for endpoint in edge.with_and_without() {
        for (topic, status, codes) in rows {
            let request = Request::post(format!("/mqtt/messages?topic={topic}")).body("refused");
            let problem = endpoint.send(request).expect_problem();
            let expected: Vec<_> = codes.iter().map(|code| ("query", "topic", *code)).collect();
            assert_eq!((problem.status, problem.places()), (*status, expected), "{topic} at {endpoint:?}");
            assert!(codes.contains(&problem.code.as_str()), "{topic}: {:#}", problem.document);
        }
        for target in ["/mqtt/messages", "/mqtt/messages?", "/mqtt/messages?qos=1", "/mqtt/messages?Topic=a"]
        {
            let problem = endpoint.send(Request::post(target)).expect_problem();
            assert_eq!((problem.status, problem.code.as_str()), (400, "MissingTopic"), "{target}");
            assert_eq!(problem.places(), [("query", "topic", "MissingTopic")], "{target}");
        }
    }
}

#[test]
fn a_plus_in_the_topic_is_told_how_to_write_a_space() {
    let edge = Edge::shared();
    for endpoint in edge.with_and_without() {
        let problem = endpoint.send(Request::post("/mqtt/messages?topic=a+b")).expect_problem();
        assert!(problem.violations[0].detail.contains("%20"), "{:#}", problem.document);
        assert_eq!(problem.document["violations"][0]["offset"], 1, "{:#}", problem.document);
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let edge = Edge::shared();
    let long = STANDARD.encode([0; 300]);
    for endpoint in edge.with_and_without() {
        let request = Request::post("/mqtt/messages?topic=$a/%23&qos=3&retain=3&api-version=1")
            .header("mqtt-response-topic", "%zz")
            .header("mqtt-correlation-data", &long)
            .header("mqtt-user-properties", URL_SAFE.encode(r#"[{"a":1}]"#))
            .header("content-type", "a, b")
            .header("mqtt-message-expiry", "soon")
            .header("mqtt-payload-format-indicator", "7")
            .body(vec![b'x'; 512 * 1024 + 1]);
        let problem = endpoint.send(request).expect_problem();
        let expected = [
            ("body", "payload", "PayloadTooLarge"),
            ("header", "content-type", "DuplicateParameter"),
            ("header", "mqtt-correlation-data", "CorrelationDataTooLong"),
            ("header", "mqtt-message-expiry", "InvalidMessageExpiry"),
            ("header", "mqtt-payload-format-indicator", "InvalidPayloadFormatIndicator"),
            ("header", "mqtt-response-topic", "InvalidPercentEncoding"),
            ("header", "mqtt-user-properties", "InvalidUserProperties"),
            ("query", "api-version", "UnsupportedApiVersion"),
            ("query", "qos", "InvalidQos"),
            ("query", "retain", "InvalidRetain"),
            ("query", "topic", "TopicReserved"),
            ("query", "topic", "TopicWildcard"),
        ];
        assert_eq!(problem.status, 400, "{endpoint:?}");
        assert_eq!(problem.places(), expected, "{endpoint:?}");
        let of = |parameter: &str| {
            let violations = problem.document["violations"].as_array().unwrap();
            violations.iter().find(|violation| violation["parameter"] == parameter).unwrap().clone()
        };
        assert_eq!(
            (&of("mqtt-correlation-data")["limit"], &of("mqtt-correlation-data")["actual"]),
            (&256.into(), &300.into())
        );
        assert_eq!((&of("payload")["limit"], &of("payload")["actual"]), (&524_288.into(), &524_289.into()));
        assert_eq!(of("mqtt-response-topic")["offset"], 0);
    }
}

#[test]
fn malformed_comes_before_forbidden() {
    let edge = Edge::shared();
    let request = Request::post("/mqtt/messages?topic=a/%2B&qos=2");
    let places = [("query", "qos", "InvalidQos"), ("query", "topic", "TopicWildcard")];
    expect(&edge, &request, 400, "InvalidQos", &places);
}
