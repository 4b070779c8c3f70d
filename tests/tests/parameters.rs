//! Every parameter of a publish: what is accepted and what then arrives, what is refused and with which code.
//!
//! The same tables hold for the edge and for a bridge without one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use end_to_end::{Edge, Endpoint, Message, Protocol, Request, percent_encoded};

type Headers<'a> = &'a [(&'a str, &'a str)];

/// What is appended to the target, which headers there are, and how the message differs from one without them.
type Accepted<'a> = (&'a str, Headers<'a>, fn(&mut Message));

/// What is appended to the target, which headers there are, and the status with every violation.
type Refused<'a> = (&'a str, Headers<'a>, u16, &'a [(&'a str, &'a str, &'a str)]);

/// The edge over either HTTP version, and the bridge without an edge.
fn endpoints(edge: &Edge) -> [Endpoint; 4] {
    [
        edge.at(Protocol::Http1),
        edge.at(Protocol::Http2),
        edge.bridge(Protocol::Http1),
        edge.bridge(Protocol::Http2),
    ]
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn what_is_accepted_arrives_as_it_is_meant() {
    let short_pairs = STANDARD.encode(r#"[{"a":"1"},{"b":"2"}]"#);
    let one_object = STANDARD.encode(r#"[{"b":"2","a":"1","b":"2"}]"#);
    let odd_json = URL_SAFE_NO_PAD.encode(r#"[ {"\u00e4":""} ]"#);
    let longest = STANDARD.encode([0xa5; 256]);
    let longest_topic = format!("r{}", "/%C3%A4".repeat(85));
    let longest_type = format!("text/{}", "x".repeat(251));
    let rows: &[Accepted<'_>] = &[
        ("", &[], |_| {}),
        // QoS
        ("&qos=0", &[], |m| m.qos = 0),
        ("&qos=1", &[], |_| {}),
        ("", &[("mqtt-qos", "0")], |m| m.qos = 0),
        ("", &[("mqtt-qos", "1")], |_| {}),
        ("&q%6Fs=0", &[], |m| m.qos = 0),
        // RETAIN
        ("&retain=0", &[], |_| {}),
        ("&retain=1", &[], |m| m.retain = true),
        ("", &[("mqtt-retain", "0")], |_| {}),
        ("", &[("mqtt-retain", "1")], |m| m.retain = true),
        // The query wins over the header, which is not even read.
        ("&qos=0", &[("mqtt-qos", "1")], |m| m.qos = 0),
        ("&qos=1", &[("mqtt-qos", "0")], |_| {}),
        ("&qos=0", &[("mqtt-qos", "nonsense")], |m| m.qos = 0),
        ("&qos=0", &[("mqtt-qos", "1"), ("mqtt-qos", "1")], |m| m.qos = 0),
        ("&retain=0", &[("mqtt-retain", "1")], |_| {}),
        ("&retain=1", &[("mqtt-retain", "0")], |m| m.retain = true),
        ("&retain=1", &[("mqtt-retain", "nonsense")], |m| m.retain = true),
        ("&qos=0&retain=1", &[("mqtt-qos", "1"), ("mqtt-retain", "0")], |m| (m.qos, m.retain) = (0, true)),
        // Response Topic
        ("", &[("mqtt-response-topic", "a%2Fb")], |m| m.response_topic = Some("a/b".to_owned())),
        ("", &[("mqtt-response-topic", "a/b")], |m| m.response_topic = Some("a/b".to_owned())),
        ("", &[("mqtt-response-topic", "a%2fb%20c%2Cd")], |m| m.response_topic = Some("a/b c,d".to_owned())),
        ("", &[("mqtt-response-topic", "$inbox/%252B")], |m| {
            m.response_topic = Some("$inbox/%2B".to_owned())
        }),
        ("", &[("mqtt-response-topic", "%F0%9F%9A%80")], |m| m.response_topic = Some("🚀".to_owned())),
        ("", &[("mqtt-response-topic", &longest_topic)], |m| {
            m.response_topic = Some(format!("r{}", "/ä".repeat(85)));
        }),
        // Correlation Data
        ("", &[("mqtt-correlation-data", "+/8=")], |m| m.correlation_data = Some(vec![0xfb, 0xff])),
        ("", &[("mqtt-correlation-data", "+/8")], |m| m.correlation_data = Some(vec![0xfb, 0xff])),
        ("", &[("mqtt-correlation-data", "-_8=")], |m| m.correlation_data = Some(vec![0xfb, 0xff])),
        ("", &[("mqtt-correlation-data", "-_8")], |m| m.correlation_data = Some(vec![0xfb, 0xff])),
        ("", &[("mqtt-correlation-data", &longest)], |m| m.correlation_data = Some(vec![0xa5; 256])),
        // User Properties
        ("", &[("mqtt-user-properties", &short_pairs)], |m| {
            m.user_properties = pairs(&[("a", "1"), ("b", "2")])
        }),
        ("", &[("mqtt-user-properties", &one_object)], |m| {
            m.user_properties = pairs(&[("b", "2"), ("a", "1"), ("b", "2")]);
        }),
        ("", &[("mqtt-user-properties", &odd_json)], |m| m.user_properties = pairs(&[("ä", "")])),
        ("", &[("mqtt-user-properties", r#"[{"":"\"\\\/ %41"},{}]"#)], |m| {
            m.user_properties = pairs(&[("", r#""\/ %41"#)]);
        }),
        ("", &[("mqtt-user-properties", r#"[{"a,b":"c,d"}]"#)], |m| {
            m.user_properties = pairs(&[("a,b", "c,d")]);
        }),
        ("", &[("mqtt-user-properties", "[]")], |_| {}),
        ("", &[("mqtt-user-properties", "W10")], |_| {}),
        // Content Type
        ("", &[("content-type", "application/json; a=\"b,c\"")], |m| {
            m.content_type = Some("application/json; a=\"b,c\"".to_owned());
        }),
        ("", &[("content-type", "anything at all")], |m| m.content_type = Some("anything at all".to_owned())),
        ("", &[("content-type", &longest_type)], |m| {
            m.content_type = Some(format!("text/{}", "x".repeat(251)))
        }),
        // Message Expiry Interval
        ("", &[("mqtt-message-expiry", "0")], |_| {}),
        ("", &[("mqtt-message-expiry", "3600")], |m| m.message_expiry = Some(3600)),
        ("", &[("mqtt-message-expiry", "0003600")], |m| m.message_expiry = Some(3600)),
        ("", &[("mqtt-message-expiry", "4294967295")], |m| m.message_expiry = Some(u32::MAX)),
        // Payload Format Indicator
        ("", &[("mqtt-payload-format-indicator", "0")], |_| {}),
        ("", &[("mqtt-payload-format-indicator", "1")], |m| m.payload_format_indicator = Some(1)),
        // API version
        ("&api-version=2025-02-15-preview", &[], |_| {}),
        ("&api-version=2025-08-01-preview", &[], |_| {}),
        ("&api-version=2025-11-16-preview", &[], |_| {}),
        // What is not known is passed over.
        ("&Qos=7&QOS=8&Topic=b&qos%20=9&mqtt-qos=0", &[], |_| {}),
        ("&=&&x&%zz=%zz", &[("mqtt-topic", "b"), ("qos", "0"), ("x-ms-anything", "1")], |_| {}),
    ];
    let edge = Edge::shared();
    let subscriber = edge.subscribe();
    for endpoint in endpoints(&edge) {
        for (number, (query, headers, change)) in rows.iter().enumerate() {
            let topic = edge.topic(&format!("row{number}"));
            let payload = format!("Grüße of row {number}");
            let mut expected = Message::new(&topic, payload.clone());
            change(&mut expected);
            let request = Request::publish(&topic).and(query).headers(headers).body(payload);
            let answer = endpoint.send(request);
            answer.expect_published(if expected.qos == 0 { 202 } else { 204 });
            let received = subscriber.next().with_expiry_of(expected.message_expiry);
            assert_eq!(received, expected, "{query} {headers:?} at {endpoint:?}");
        }
    }
}

#[test]
fn a_topic_arrives_as_it_is_spelled_decoded_once() {
    let longest = "x".repeat(256);
    // What is written in the query for `T/` and what follows it, and the Topic Name that arrives.
    let rows = [
        ("a", "a"),
        ("a/b", "a/b"),
        ("a%2Fb", "a/b"),
        ("a%2fb", "a/b"),
        ("a%20b", "a b"),
        ("a,b;c:d@e!f'g(h)*i", "a,b;c:d@e!f'g(h)*i"),
        ("a%26b%3Dc%3Fd%25e", "a&b=c?d%e"),
        ("a=b?c", "a=b?c"),
        ("%252Fb", "%2Fb"),
        ("/", "/"),
        ("//a//", "//a//"),
        ("%C3%84%cc%88", "Ä\u{308}"),
        ("A%CC%8A", "A\u{30a}"),
        ("%C3%85", "Å"),
        ("%E2%84%AB", "\u{212b}"),
        ("%EF%BB%BFa", "\u{feff}a"),
        ("%F0%9F%9A%80", "🚀"),
        ("a$b", "a$b"),
        ("..%2F.%2F%7Euser", ".././~user"),
        ("1/2/3/4/5/6/7/8/9/10/11/12/13/14", "1/2/3/4/5/6/7/8/9/10/11/12/13/14"),
    ];
    let edge = Edge::shared();
    let prefix = edge.topic("").trim_end_matches('/').to_owned();
    let subscriber = edge.subscribe_to(&[&format!("{prefix}/#"), &format!("/{prefix}/#"), "x/#", &longest]);
    for endpoint in endpoints(&edge) {
        for (given, expected) in rows {
            let request = Request::post(format!("/mqtt/messages?topic={prefix}/{given}")).body(given);
            endpoint.send(request).expect_published(204);
            let expected = Message::new(format!("{prefix}/{expected}"), given);
            assert_eq!(subscriber.next(), expected, "{given} at {endpoint:?}");
        }
        // A slash in front, and the longest of all.
        for topic in [&format!("/{prefix}/"), &longest] {
            endpoint.send(Request::publish(topic).body("x")).expect_published(204);
            assert_eq!(subscriber.next(), Message::new(topic, "x"), "{topic} at {endpoint:?}");
        }
    }
}

#[test]
fn what_is_refused_is_refused_by_its_code_and_is_not_published() {
    let too_long = STANDARD.encode([0; 257]);
    let too_long_topic = percent_encoded(&"ä".repeat(129));
    let too_long_type = "x".repeat(257);
    let number = STANDARD.encode(r#"[{"a":1}]"#);
    let all_kinds = STANDARD.encode(r#"[{"a":"1"},{"b":1,"c":null},[],"x",{"d":["e"]},{"f":{}},7,true]"#);
    let not_json = STANDARD.encode("[{]");
    let cut = STANDARD.encode(r#"[{"a":"b"}"#);
    let more = STANDARD.encode(r#"[{"a":"b"}]x"#);
    let object = STANDARD.encode(r#"{"a":"b"}"#);
    let nul = STANDARD.encode(r#"[{"a":"\u0000"}]"#);
    let control = STANDARD.encode("[{\"\\u0007\":\"b\"}]");
    let surrogate = STANDARD.encode(r#"[{"a":"\ud800"}]"#);
    let not_utf8 = STANDARD.encode(b"[{\"a\":\"\xff\"}]");
    let padded_wrongly = STANDARD_NO_PAD.encode("ab") + "==";
    let rows: &[Refused<'_>] = &[
        // QoS
        ("&qos=2", &[], 400, &[("query", "qos", "InvalidQos")]),
        ("&qos=-1", &[], 400, &[("query", "qos", "InvalidQos")]),
        ("&qos=01", &[], 400, &[("query", "qos", "InvalidQos")]),
        ("&qos=%31", &[], 400, &[("query", "qos", "InvalidQos")]),
        ("&qos=%201", &[], 400, &[("query", "qos", "InvalidQos")]),
        ("&qos=", &[], 400, &[("query", "qos", "InvalidQos")]),
        ("&qos", &[], 400, &[("query", "qos", "InvalidQos")]),
        ("&qos=one", &[], 400, &[("query", "qos", "InvalidQos")]),
        ("&qos=%EF%BC%91", &[], 400, &[("query", "qos", "InvalidQos")]),
        ("", &[("mqtt-qos", "2")], 400, &[("header", "mqtt-qos", "InvalidQos")]),
        ("", &[("mqtt-qos", "")], 400, &[("header", "mqtt-qos", "InvalidQos")]),
        ("", &[("mqtt-qos", "1;q=1")], 400, &[("header", "mqtt-qos", "InvalidQos")]),
        ("", &[("mqtt-qos", "1, 1")], 400, &[("header", "mqtt-qos", "InvalidQos")]),
        ("&qos=2", &[("mqtt-qos", "1")], 400, &[("query", "qos", "InvalidQos")]),
        // RETAIN
        ("&retain=2", &[], 400, &[("query", "retain", "InvalidRetain")]),
        ("&retain=true", &[], 400, &[("query", "retain", "InvalidRetain")]),
        ("&retain=", &[], 400, &[("query", "retain", "InvalidRetain")]),
        ("", &[("mqtt-retain", "yes")], 400, &[("header", "mqtt-retain", "InvalidRetain")]),
        ("&retain=x", &[("mqtt-retain", "1")], 400, &[("query", "retain", "InvalidRetain")]),
        // Given twice
        ("&qos=1&qos=1", &[], 400, &[("query", "qos", "DuplicateParameter")]),
        ("&qos=1&q%6fs=1", &[], 400, &[("query", "qos", "DuplicateParameter")]),
        ("&retain=0&retain=1", &[], 400, &[("query", "retain", "DuplicateParameter")]),
        ("&topic=b", &[], 400, &[("query", "topic", "DuplicateParameter")]),
        ("&%74opic=b", &[], 400, &[("query", "topic", "DuplicateParameter")]),
        (
            "&api-version=2025-02-15-preview&api-version=2025-02-15-preview",
            &[],
            400,
            &[("query", "api-version", "DuplicateParameter")],
        ),
        ("", &[("mqtt-qos", "1"), ("mqtt-qos", "1")], 400, &[("header", "mqtt-qos", "DuplicateParameter")]),
        (
            "",
            &[("mqtt-retain", "0"), ("mqtt-retain", "1")],
            400,
            &[("header", "mqtt-retain", "DuplicateParameter")],
        ),
        (
            "",
            &[("mqtt-response-topic", "a"), ("mqtt-response-topic", "b")],
            400,
            &[("header", "mqtt-response-topic", "DuplicateParameter")],
        ),
        (
            "",
            &[("mqtt-correlation-data", "AAAA"), ("mqtt-correlation-data", "AAAA")],
            400,
            &[("header", "mqtt-correlation-data", "DuplicateParameter")],
        ),
        (
            "",
            &[("mqtt-user-properties", "[]"), ("mqtt-user-properties", "[]")],
            400,
            &[("header", "mqtt-user-properties", "DuplicateParameter")],
        ),
        (
            "",
            &[("content-type", "text/plain"), ("content-type", "text/html")],
            400,
            &[("header", "content-type", "DuplicateParameter")],
        ),
        (
            "",
            &[("mqtt-message-expiry", "1"), ("mqtt-message-expiry", "2")],
            400,
            &[("header", "mqtt-message-expiry", "DuplicateParameter")],
        ),
        (
            "",
            &[("mqtt-payload-format-indicator", "1"), ("mqtt-payload-format-indicator", "0")],
            400,
            &[("header", "mqtt-payload-format-indicator", "DuplicateParameter")],
        ),
        // Response Topic
        ("", &[("mqtt-response-topic", "")], 400, &[("header", "mqtt-response-topic", "EmptyTopic")]),
        (
            "",
            &[("mqtt-response-topic", "a/+")],
            400,
            &[("header", "mqtt-response-topic", "ResponseTopicWildcard")],
        ),
        (
            "",
            &[("mqtt-response-topic", "a/%23")],
            400,
            &[("header", "mqtt-response-topic", "ResponseTopicWildcard")],
        ),
        (
            "",
            &[("mqtt-response-topic", "a, b")],
            400,
            &[("header", "mqtt-response-topic", "DuplicateParameter")],
        ),
        (
            "",
            &[("mqtt-response-topic", "%")],
            400,
            &[("header", "mqtt-response-topic", "InvalidPercentEncoding")],
        ),
        ("", &[("mqtt-response-topic", "%c3")], 400, &[("header", "mqtt-response-topic", "InvalidUtf8")]),
        (
            "",
            &[("mqtt-response-topic", "a%0D%0Ab")],
            400,
            &[("header", "mqtt-response-topic", "InvalidCharacter")],
        ),
        (
            "",
            &[("mqtt-response-topic", &too_long_topic)],
            400,
            &[("header", "mqtt-response-topic", "ResponseTopicTooLong")],
        ),
        // Correlation Data
        ("", &[("mqtt-correlation-data", "A")], 400, &[("header", "mqtt-correlation-data", "InvalidBase64")]),
        (
            "",
            &[("mqtt-correlation-data", "AA=")],
            400,
            &[("header", "mqtt-correlation-data", "InvalidBase64")],
        ),
        (
            "",
            &[("mqtt-correlation-data", "AAAA, AAAA")],
            400,
            &[("header", "mqtt-correlation-data", "InvalidBase64")],
        ),
        (
            "",
            &[("mqtt-correlation-data", "+_8=")],
            400,
            &[("header", "mqtt-correlation-data", "InvalidBase64")],
        ),
        (
            "",
            &[("mqtt-correlation-data", "AB==")],
            400,
            &[("header", "mqtt-correlation-data", "InvalidBase64")],
        ),
        (
            "",
            &[("mqtt-correlation-data", &padded_wrongly)],
            400,
            &[("header", "mqtt-correlation-data", "InvalidBase64")],
        ),
        (
            "",
            &[("mqtt-correlation-data", &too_long)],
            400,
            &[("header", "mqtt-correlation-data", "CorrelationDataTooLong")],
        ),
        // User Properties
        (
            "",
            &[("mqtt-user-properties", "")],
            400,
            &[("header", "mqtt-user-properties", "InvalidUserProperties")],
        ),
        (
            "",
            &[("mqtt-user-properties", "{\"a\":\"b\"}")],
            400,
            &[("header", "mqtt-user-properties", "InvalidBase64")],
        ),
        (
            "",
            &[("mqtt-user-properties", &object)],
            400,
            &[("header", "mqtt-user-properties", "InvalidUserProperties")],
        ),
        (
            "",
            &[("mqtt-user-properties", &number)],
            400,
            &[("header", "mqtt-user-properties", "InvalidUserProperties")],
        ),
        (
            "",
            &[("mqtt-user-properties", &all_kinds)],
            400,
            // 1 and null of the second, [], "x", ["e"], {}, 7, true
            &[("header", "mqtt-user-properties", "InvalidUserProperties"); 8],
        ),
        (
            "",
            &[("mqtt-user-properties", &not_json)],
            400,
            &[("header", "mqtt-user-properties", "InvalidUserProperties")],
        ),
        (
            "",
            &[("mqtt-user-properties", &cut)],
            400,
            &[("header", "mqtt-user-properties", "InvalidUserProperties")],
        ),
        (
            "",
            &[("mqtt-user-properties", &more)],
            400,
            &[("header", "mqtt-user-properties", "InvalidUserProperties")],
        ),
        (
            "",
            &[("mqtt-user-properties", &surrogate)],
            400,
            &[("header", "mqtt-user-properties", "InvalidUserProperties")],
        ),
        (
            "",
            &[("mqtt-user-properties", &not_utf8)],
            400,
            &[("header", "mqtt-user-properties", "InvalidUserProperties")],
        ),
        (
            "",
            &[("mqtt-user-properties", &nul)],
            400,
            &[("header", "mqtt-user-properties", "InvalidCharacter")],
        ),
        (
            "",
            &[("mqtt-user-properties", &control)],
            400,
            &[("header", "mqtt-user-properties", "InvalidCharacter")],
        ),
        (
            "",
            &[("mqtt-user-properties", "[],[]")],
            400,
            &[("header", "mqtt-user-properties", "InvalidUserProperties")],
        ),
        (
            "",
            &[("mqtt-user-properties", "W10=, W10=")],
            400,
            &[("header", "mqtt-user-properties", "InvalidBase64")],
        ),
        // Content Type
        ("", &[("content-type", &too_long_type)], 400, &[("header", "content-type", "ContentTypeTooLong")]),
        (
            "",
            &[("content-type", "text/plain, text/html")],
            400,
            &[("header", "content-type", "DuplicateParameter")],
        ),
        // Message Expiry Interval
        (
            "",
            &[("mqtt-message-expiry", "")],
            400,
            &[("header", "mqtt-message-expiry", "InvalidMessageExpiry")],
        ),
        (
            "",
            &[("mqtt-message-expiry", "-1")],
            400,
            &[("header", "mqtt-message-expiry", "InvalidMessageExpiry")],
        ),
        (
            "",
            &[("mqtt-message-expiry", "+1")],
            400,
            &[("header", "mqtt-message-expiry", "InvalidMessageExpiry")],
        ),
        (
            "",
            &[("mqtt-message-expiry", "1.5")],
            400,
            &[("header", "mqtt-message-expiry", "InvalidMessageExpiry")],
        ),
        (
            "",
            &[("mqtt-message-expiry", "0x10")],
            400,
            &[("header", "mqtt-message-expiry", "InvalidMessageExpiry")],
        ),
        (
            "",
            &[("mqtt-message-expiry", "1, 2")],
            400,
            &[("header", "mqtt-message-expiry", "InvalidMessageExpiry")],
        ),
        (
            "",
            &[("mqtt-message-expiry", "4294967296")],
            400,
            &[("header", "mqtt-message-expiry", "InvalidMessageExpiry")],
        ),
        (
            "",
            &[("mqtt-message-expiry", "99999999999999999999999999")],
            400,
            &[("header", "mqtt-message-expiry", "InvalidMessageExpiry")],
        ),
        // Payload Format Indicator
        (
            "",
            &[("mqtt-payload-format-indicator", "2")],
            400,
            &[("header", "mqtt-payload-format-indicator", "InvalidPayloadFormatIndicator")],
        ),
        (
            "",
            &[("mqtt-payload-format-indicator", "utf-8")],
            400,
            &[("header", "mqtt-payload-format-indicator", "InvalidPayloadFormatIndicator")],
        ),
        // API version
        ("&api-version=2024-01-01", &[], 400, &[("query", "api-version", "UnsupportedApiVersion")]),
        ("&api-version=", &[], 400, &[("query", "api-version", "UnsupportedApiVersion")]),
        ("&api-version=2025-02-15-PREVIEW", &[], 400, &[("query", "api-version", "UnsupportedApiVersion")]),
        // Malformed comes before forbidden.
        ("/$+&qos=2", &[], 400, &[("query", "qos", "InvalidQos"), ("query", "topic", "TopicWildcard")]),
    ];
    let edge = Edge::shared();
    let topic = edge.topic("refused");
    let subscriber = edge.subscribe();
    for endpoint in endpoints(&edge) {
        for (query, headers, status, expected) in rows {
            let request = Request::publish(&topic).and(query).headers(headers).body("refused");
            let problem = endpoint.send(request).expect_problem();
            let at = format!("{query} {headers:?} at {endpoint:?}: {:#}", problem.document);
            assert_eq!((problem.status, problem.places()), (*status, expected.to_vec()), "{at}");
            assert_eq!(problem.code, expected[0].2, "{at}");
        }
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
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
    for endpoint in endpoints(&edge) {
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
    for endpoint in endpoints(&edge) {
        let problem = endpoint.send(Request::post("/mqtt/messages?topic=a+b")).expect_problem();
        assert!(problem.violations[0].detail.contains("%20"), "{:#}", problem.document);
        assert_eq!(problem.document["violations"][0]["offset"], 1, "{:#}", problem.document);
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let edge = Edge::shared();
    let long = STANDARD.encode([0; 300]);
    for endpoint in endpoints(&edge) {
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
fn user_properties_may_have_32_kib_however_they_are_cut() {
    let edge = Edge::shared();
    let subscriber = edge.subscribe();
    let topic = edge.topic("user-properties");
    let json = |pairs: &[(String, String)]| {
        let objects: Vec<_> =
            pairs.iter().map(|(name, value)| format!("{{\"{name}\":\"{value}\"}}")).collect();
        format!("[{}]", objects.join(","))
    };
    // Names and values add up to 32,768 bytes.
    let one = vec![("n".to_owned(), "v".repeat(32_767))];
    let many: Vec<_> = (0..2048).map(|n| (format!("{n:08}"), "12345678".to_owned())).collect();
    for endpoint in endpoints(&edge) {
        for pairs in [&one, &many] {
            let header = STANDARD.encode(json(pairs));
            let request = Request::publish(&topic).header("mqtt-user-properties", header);
            endpoint.send(request).expect_published(204);
            assert_eq!(subscriber.next().user_properties, *pairs, "at {endpoint:?}");
        }
        let one_more = vec![("n".to_owned(), "v".repeat(32_768))];
        let request =
            Request::publish(&topic).header("mqtt-user-properties", STANDARD.encode(json(&one_more)));
        let problem = endpoint.send(request).expect_problem();
        assert_eq!((problem.status, problem.code.as_str()), (400, "UserPropertiesTooLarge"), "{endpoint:?}");
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn pairs_that_are_short_arrive_though_their_normal_form_is_longer_than_what_was_sent() {
    let edge = Edge::shared();
    let subscriber = edge.subscribe();
    let topic = edge.topic("short-pairs");
    for endpoint in endpoints(&edge) {
        // 8 bytes of JSON a pair when sent; 10 in the normal form, and then Base64 of that. HTTP/2 has no room for
        // more in one header.
        let count = if endpoint.protocol().is_http2() { 6_000 } else { 12_000 };
        let pairs = vec![("a".to_owned(), "b".to_owned()); count];
        let json = format!("[{{{}}}]", vec![r#""a":"b""#; count].join(","));
        endpoint.send(Request::publish(&topic).header("mqtt-user-properties", &json)).expect_published(204);
        assert_eq!(subscriber.next().user_properties, pairs, "at {endpoint:?}");
    }
}
