//! Every parameter of a publish: each accepted spelling, and what then arrives.
//!
//! The same tables hold for the edge and for a bridge without one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use end_to_end::{Edge, Message, Request};

type Headers<'a> = &'a [(&'a str, &'a str)];

/// What is appended to the target, which headers there are, and how the message differs from one without them.
type Accepted<'a> = (&'a str, Headers<'a>, fn(&mut Message));

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
    // Mosquitto, and the demonstration's broker.
    for edge in [Edge::shared(), Edge::start("demonstration", |stack| stack)] {
        let subscriber = edge.subscribe();
        for endpoint in edge.with_and_without() {
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
    for endpoint in edge.with_and_without() {
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
    for endpoint in edge.with_and_without() {
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
    for endpoint in edge.with_and_without() {
        // 8 bytes of JSON a pair when sent; 10 in the normal form, and then Base64 of that. HTTP/2 has no room for
        // more in one header.
        let count = if endpoint.protocol().is_http2() { 6_000 } else { 12_000 };
        let pairs = vec![("a".to_owned(), "b".to_owned()); count];
        let json = format!("[{{{}}}]", vec![r#""a":"b""#; count].join(","));
        endpoint.send(Request::publish(&topic).header("mqtt-user-properties", &json)).expect_published(204);
        assert_eq!(subscriber.next().user_properties, pairs, "at {endpoint:?}");
    }
}
