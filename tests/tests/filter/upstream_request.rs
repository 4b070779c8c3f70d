//! What leaves the edge: the normal form, who the edge says is publishing, and nothing that a client made up.
//!
//! A recorder stands in for the bridges.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use end_to_end::raw::{self, RawConnection};
use end_to_end::{Behaviour, Edge, Protocol, Recorded, Recorder, Request, block_on, eventually, token};

/// An edge whose upstream records: one for all tests that do not change the recorder's behaviour.
///
/// Requests are told apart by their topic.
struct Watched {
    recorder: Recorder,
    edge: Edge,
}

impl Watched {
    fn shared() -> &'static Self {
        static SHARED: OnceLock<Watched> = OnceLock::new();
        SHARED.get_or_init(|| Self::start("recorded"))
    }

    fn start(name: &str) -> Self {
        let recorder = Recorder::start();
        let edge = recorder.edge(name);
        Self { recorder, edge }
    }
}

fn recorded(watched: &Watched, topic: &str) -> Vec<Recorded> {
    let wanted = format!("topic={topic}");
    watched.recorder.seen().into_iter().filter(|request| request.target.contains(&wanted)).collect()
}

/// The headers that say something of the message.
fn of_message(request: &Recorded) -> Vec<(String, String)> {
    let of_message = |name: &str| name.starts_with("mqtt-") || name == "content-type";
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = request.headers.iter().filter(|(name, _)| of_message(name));
    let mut headers: Vec<_> = headers.map(|(name, value)| (name.clone(), text(value))).collect();
    headers.sort();
    headers
}

#[test]
fn each_thing_leaves_in_its_one_spelling_and_a_second_time_nothing_changes() {
    let pairs = STANDARD.encode(r#"[{"b":"2"},{"a":"ä\"\\"},{"b":"2"}]"#);
    let unchanged: &[(&str, &str)] = &[("mqtt-qos", "1"), ("mqtt-retain", "0")];
    // The query behind the topic, the headers; the query behind the topic as it leaves, and the message's headers.
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a [(&'a str, &'a str)]);
    let rows: &[Row<'_>] = &[
        ("", &[], "", unchanged),
        ("%2fb/c%20d,e~f", &[], "%2Fb%2Fc%20d%2Ce~f", unchanged),
        ("%C3%A4$@:", &[], "%C3%A4%24%40%3A", unchanged),
        ("%7e%2D%2e%5F%41", &[], "~-._A", unchanged),
        ("&qos=0&retain=1", &[], "", &[("mqtt-qos", "0"), ("mqtt-retain", "1")]),
        (
            "&qos=0",
            &[("mqtt-qos", "1"), ("mqtt-retain", "1")],
            "",
            &[("mqtt-qos", "0"), ("mqtt-retain", "1")],
        ),
        ("&retain=0", &[("mqtt-retain", "x"), ("mqtt-retain", "y")], "", unchanged),
        ("&x=1&y&session=secret&%74=z", &[], "", unchanged),
        ("&api-version=2025-08-01-preview&a=b", &[], "&api-version=2025-08-01-preview", unchanged),
        ("&%61pi-version=2025-08-01-preview", &[], "&api-version=2025-08-01-preview", unchanged),
        ("&dry-run=0", &[], "", unchanged),
        (
            "",
            &[("mqtt-response-topic", "a/b c")],
            "",
            &[("mqtt-qos", "1"), ("mqtt-response-topic", "a%2Fb%20c"), ("mqtt-retain", "0")],
        ),
        (
            "",
            &[("mqtt-correlation-data", "-_8")],
            "",
            &[("mqtt-correlation-data", "+/8="), ("mqtt-qos", "1"), ("mqtt-retain", "0")],
        ),
        (
            "",
            &[("mqtt-user-properties", r#"[ {"b":"2","a":"\u00e4\"\\"} , {}, {"b":"2"} ]"#)],
            "",
            &[("mqtt-qos", "1"), ("mqtt-retain", "0"), ("mqtt-user-properties", &pairs)],
        ),
        ("", &[("mqtt-user-properties", "W10=")], "", unchanged),
        (
            "",
            &[("mqtt-message-expiry", "0060")],
            "",
            &[("mqtt-message-expiry", "60"), ("mqtt-qos", "1"), ("mqtt-retain", "0")],
        ),
        ("", &[("mqtt-message-expiry", "0")], "", unchanged),
        ("", &[("mqtt-payload-format-indicator", "0")], "", unchanged),
        (
            "",
            &[("mqtt-payload-format-indicator", "1")],
            "",
            &[("mqtt-payload-format-indicator", "1"), ("mqtt-qos", "1"), ("mqtt-retain", "0")],
        ),
        (
            "",
            &[("content-type", "Text/Plain; Charset=\"a,b\"")],
            "",
            &[("content-type", "Text/Plain; Charset=\"a,b\""), ("mqtt-qos", "1"), ("mqtt-retain", "0")],
        ),
    ];
    let watched = Watched::shared();
    for protocol in Protocol::ALL {
        for (number, (query, headers, expected_query, expected)) in rows.iter().enumerate() {
            let topic = format!("normal{number}{protocol:?}x");
            let request = Request::post(format!("/mqtt/messages?topic={topic}{query}"));
            let answer = watched.edge.at(protocol).send(request.headers(headers).body("payload"));
            answer.expect_published(204);
            let [first] = &recorded(watched, &topic)[..] else { panic!("{query} is not there once") };
            let at = format!("{query} {headers:?} over {protocol:?}");
            let expected: Vec<_> =
                expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            assert_eq!(first.target, format!("/mqtt/messages?topic={topic}{expected_query}"), "{at}");
            assert_eq!(of_message(first), expected, "{at}");
            assert_eq!(first.body.as_deref(), Some(&b"payload"[..]), "{at}");

            let again = of_message(first)
                .iter()
                .fold(Request::post(&first.target), |request, (name, value)| request.header(name, value));
            watched.edge.at(protocol).send(again).expect_published(204);
            let [_, second] = &recorded(watched, &topic)[..] else { panic!("{query} is not there twice") };
            assert_eq!((&second.target, of_message(second)), (&first.target, expected), "again: {at}");
        }
    }
}

#[test]
fn the_edge_alone_says_who_publishes_and_where_to() {
    let watched = Watched::shared();
    let rows = [
        "x-mqtt-client-id: somebody\r\nx-mqtt-cluster: elsewhere\r\n",
        "X-MQTT-Client-ID: somebody\r\nX-Mqtt-Cluster: elsewhere\r\n",
        "x-mqtt-client-id: one\r\nx-mqtt-client-id: two\r\nx-mqtt-cluster: a\r\nX-MQTT-CLUSTER: b\r\n",
        "x-mqtt-client-id:\r\nx-mqtt-cluster:\r\n",
        "x-mqtt-client-id: \r\nx-mqtt-client-id: somebody\r\n",
        "x_mqtt_client_id: somebody\r\nx_mqtt-cluster: elsewhere\r\nx-mqtt-client_id: x\r\n",
        "x-mqtt-client-id : somebody\r\n",
        "x-mqtt-client-id\t: somebody\r\n",
        " x-mqtt-client-id: somebody\r\n",
        "x-other: a\r\n x-mqtt-client-id: somebody\r\n",
        "x-other: a\nx-mqtt-client-id: somebody\r\n",
        "x-other: a\rx-mqtt-client-id: somebody\r\n",
        "x-other: a\u{0}\r\nx-mqtt-client-id: somebody\r\n",
        "connection: x-mqtt-client-id, x-mqtt-cluster\r\nx-mqtt-client-id: somebody\r\n",
        "connection: keep-alive, x-mqtt-qos, authorization\r\nx-mqtt-client-id: somebody\r\n",
        "x-mqtt-client-id: somebody\r\nte: trailers\r\ntrailer: x-mqtt-client-id\r\n",
    ];
    let mut passed = 0;
    for (number, more) in rows.iter().enumerate() {
        let topic = format!("spoof{number}x");
        let bytes = format!("{}{more}content-length: 0\r\n\r\n", start(&topic));
        let answer = raw::exchange(watched.edge.address(), bytes.as_bytes());
        for request in recorded(watched, &topic) {
            passed += 1;
            assert_eq!(request.header("x-mqtt-client-id"), [token::CLIENT_ID], "{more:?}");
            let names = request.headers.iter().map(|(name, _)| name.replace('_', "-"));
            let alike: Vec<_> = names.filter(|name| name.starts_with("x-mqtt")).collect();
            assert_eq!(alike, ["x-mqtt-client-id"], "{more:?}");
        }
        // What was not passed on was refused, or the connection was closed.
        if recorded(watched, &topic).is_empty() {
            assert!(answer.is_none_or(|answer| answer.status == 400 || answer.status == 401), "{more:?}");
        }
    }
    assert!(passed >= 6, "{passed} requests were passed on");

    for protocol in [Protocol::Http2, Protocol::Https2] {
        let topic = format!("spoof{protocol:?}x");
        let request = Request::publish(&topic)
            .header("x-mqtt-client-id", "somebody")
            .header("x-mqtt-client-id", "somebody else")
            .header("x-mqtt-cluster", "elsewhere")
            .header("x-mqtt-added-properties", "1")
            .header("x-mqtt-judged-lines", "1")
            .header("x_mqtt_client_id", "somebody")
            .chunks(["payload"])
            .trailer("x-mqtt-client-id", "somebody")
            .trailer("x-mqtt-cluster", "elsewhere")
            .trailer("x-mqtt-added-properties", "1")
            .trailer("x-mqtt-judged-lines", "1")
            .trailer("x-end", "1");
        watched.edge.at(protocol).send(request).expect_published(204);
        let [request] = &recorded(watched, &topic)[..] else { panic!("it is not there once") };
        assert_eq!(request.header("x-mqtt-client-id"), [token::CLIENT_ID], "{protocol:?}");
        assert_eq!(request.header("x-mqtt-cluster"), [""; 0], "{protocol:?}");
        assert_eq!(request.header("x-mqtt-added-properties"), [""; 0], "{protocol:?}");
        assert_eq!(request.header("x-mqtt-judged-lines"), [""; 0], "{protocol:?}");
        assert_eq!(request.trailers, [("x-end".to_owned(), b"1".to_vec())], "{protocol:?}");
    }
}

#[test]
fn the_client_id_leaves_percent_encoded() {
    let watched = Watched::shared();
    let rows = [
        ("plain-id", "plain-id"),
        ("spaceship/7", "spaceship%2F7"),
        ("a b,c;d=e", "a%20b%2Cc%3Bd%3De"),
        ("ä€", "%C3%A4%E2%82%AC"),
        ("%2F", "%252F"),
        ("+/#", "%2B%2F%23"),
        (&"x".repeat(256), &"x".repeat(256)),
    ];
    for (number, (oid, expected)) in rows.iter().enumerate() {
        let topic = format!("oid{number}x");
        let request = Request::publish(&topic).token(&token::of_client(oid));
        watched.edge.send(request).expect_published(204);
        assert_eq!(recorded(watched, &topic)[0].header("x-mqtt-client-id"), [*expected], "{oid}");
    }
}

#[test]
fn the_token_ends_at_the_edge() {
    let watched = Watched::shared();
    for protocol in Protocol::ALL {
        let topic = format!("token{protocol:?}x");
        watched.edge.at(protocol).send(Request::publish(&topic)).expect_published(204);
        let [request] = &recorded(watched, &topic)[..] else { panic!("it is not there once") };
        let signature = token::valid().rsplit('.').next().unwrap();
        assert_eq!(request.header("authorization"), [""; 0]);
        assert!(!format!("{request:?}").contains(signature), "{request:?}");
        let all: Vec<_> = request.headers.iter().map(|(_, value)| value.escape_ascii().to_string()).collect();
        assert!(all.iter().all(|value| !value.contains(signature)), "{all:?}");
    }
}

#[test]
fn what_is_refused_does_not_leave_whole() {
    let watched = Watched::shared();
    let of = |query: &str| Request::post(format!("/mqtt/messages?topic=refused-x{query}"));
    let too_large = vec![b'x'; 512 * 1024 + 1];
    let requests = [
        of("&qos=2"),
        of("/%23"),
        of("&retain=1&retain=1"),
        of("").header("mqtt-user-properties", "x"),
        of("").header("mqtt-response-topic", "+"),
        of("").method("PUT"),
        of("").without_token(),
        of("").token(&token::tampered()),
        of("").token(&token::without_claim("oid")),
        of("").body(too_large.clone()),
        of("").header("mqtt-payload-format-indicator", "1").body(&b"\xff"[..]),
        of("").header("mqtt-payload-format-indicator", "1").chunks([&b"a"[..], b"\xff"]),
        of("")
            .header("mqtt-payload-format-indicator", "1")
            .chunks(too_large.chunks(9_000).map(<[u8]>::to_vec)),
        of("&dry-run=1").body("shown"),
    ];
    for protocol in Protocol::ALL {
        for request in &requests {
            let answer = watched.edge.at(protocol).send(request.clone());
            assert!(answer.status == 200 || answer.status >= 400, "{request:?}");
        }
    }
    watched.edge.send(of("")).expect_published(204);
    let whole: Vec<_> =
        recorded(watched, "refused-x").into_iter().filter(|request| request.body.is_some()).collect();
    assert_eq!(whole.len(), 1, "{whole:?}");
}

#[test]
fn a_payload_that_grows_too_large_on_its_way_leaves_cut_off_or_not_at_all() {
    let watched = Watched::shared();
    for protocol in Protocol::ALL {
        let topic = format!("growing{protocol:?}x");
        let chunks = vec![vec![b'x'; 16 * 1024]; 33];
        let answer = watched.edge.at(protocol).send(Request::publish(&topic).chunks(chunks));
        assert_eq!(answer.expect_problem().code, "PayloadTooLarge");
        // Another one over the same way, so that the first has come to its end.
        watched.edge.at(protocol).send(Request::publish(&topic).body("last")).expect_published(204);
        let whole: Vec<_> =
            recorded(watched, &topic).into_iter().filter_map(|request| request.body).collect();
        assert_eq!(whole, [b"last"], "{protocol:?}");
    }
}

#[test]
fn another_spelling_of_the_path_is_judged_like_the_right_one_or_refused() {
    let watched = Watched::shared();
    let spellings = [
        "//mqtt/messages",
        "/mqtt//messages",
        "/./mqtt/messages",
        "/mqtt/./messages",
        "/mqtt/x/../messages",
        "/x/../mqtt/messages",
        "/%2e/mqtt/messages",
        "/mqtt/%2e%2e/mqtt/messages",
        "/mqtt/mess%61ges",
        "/mqtt%2fmessages",
        "/mqtt%2Fmessages",
        "/mqtt%5cmessages",
        "/mqtt\\messages",
        "/%6dqtt/messages",
        "/MQTT/messages",
        "/mqtt/Messages",
        "/mqtt/messages/",
        "/mqtt/messages/.",
        "/mqtt/messages/..",
        "/mqtt/messages;x=y",
        "/mqtt/messages%20",
        "/mqtt/messages%00",
        "/mqtt/messages%3F",
        "/mqtt/messages#",
        "http://localhost/mqtt/messages",
        "http://elsewhere.example//mqtt/messages",
        "mqtt/messages",
        "*",
    ];
    for (number, path) in spellings.iter().enumerate() {
        for (query, with_token) in [("&qos=2", true), ("&x-secret=1", true), ("", false)] {
            let topic = format!("path{number}{with_token}{}x", query.len());
            let token = if with_token { token::valid() } else { "none" };
            let bytes = format!(
                "POST {path}?topic={topic}{query} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
                 x-mqtt-client-id: somebody\r\ncontent-length: 0\r\n\r\n"
            );
            let answer = raw::exchange(watched.edge.address(), bytes.as_bytes());
            let left = recorded(watched, &topic);
            if query != "&x-secret=1" {
                assert_eq!(left, [], "{path}{query}");
                assert!(answer.is_none_or(|answer| answer.status >= 400), "{path}{query}");
            }
            // What may leave has been judged: it is in normal form, and names the client.
            for request in left {
                assert_eq!(request.target, format!("/mqtt/messages?topic={topic}"), "{path}");
                assert_eq!(request.header("x-mqtt-client-id"), [token::CLIENT_ID], "{path}");
            }
        }
    }
}

#[test]
fn nothing_is_sent_twice_whatever_the_upstream_does_and_the_client_asks_for() {
    let watched = Watched::start("sent-once");
    let rows = [
        (Behaviour::Reset, &[502, 503][..]),
        (Behaviour::Close, &[502, 503]),
        (Behaviour::Answer(503), &[503]),
        (Behaviour::Answer(500), &[500]),
        (Behaviour::Answer(429), &[429]),
    ];
    let wishes: &[&[(&str, &str)]] = &[
        &[],
        &[
            ("x-envoy-retry-on", "5xx,reset,retriable-status-codes,gateway-error,http3-post-connect-failure"),
            ("x-envoy-max-retries", "5"),
            ("x-envoy-retriable-status-codes", "500,503,429"),
            ("x-envoy-hedge-on-per-try-timeout", "true"),
            ("x-envoy-upstream-rq-per-try-timeout-ms", "1"),
        ],
    ];
    for (behaviour, statuses) in rows {
        watched.recorder.behave(behaviour);
        for protocol in Protocol::ALL {
            for wish in wishes {
                for format in ["0", "1"] {
                    let request = Request::publish("once")
                        .headers(wish)
                        .header("mqtt-payload-format-indicator", format)
                        .body("payload");
                    let answer = watched.edge.at(protocol).send(request);
                    let at = format!("{behaviour:?} {wish:?} over {protocol:?}");
                    assert!(statuses.contains(&answer.status), "{at}: {answer:?}");
                    if matches!(behaviour, Behaviour::Reset | Behaviour::Close) {
                        assert_eq!(answer.expect_problem().status, answer.status);
                    }
                    let left = watched.recorder.take();
                    assert_eq!(left.len(), 1, "{at}: {left:?}");
                }
            }
        }
    }
}

#[test]
fn a_client_cannot_shorten_the_time_that_the_broker_has() {
    let watched = Watched::shared();
    let request = Request::publish("timeout-x")
        .header("x-envoy-upstream-rq-timeout-ms", "1")
        .header("x-envoy-expected-rq-timeout-ms", "1")
        .header("grpc-timeout", "1n");
    watched.edge.send(request).expect_published(204);
    let [request] = &recorded(watched, "timeout-x")[..] else { panic!("it is not there once") };
    assert_eq!(request.header("x-envoy-upstream-rq-timeout-ms"), [""; 0]);
    assert_ne!(request.header("x-envoy-expected-rq-timeout-ms"), ["1"]);
}

#[test]
fn a_client_that_is_gone_leaves_no_whole_request() {
    let watched = Watched::shared();
    for format in ["0", "1"] {
        let topic = format!("gone{format}x");
        let mut connection = RawConnection::open(watched.edge.address());
        // A payload of this length streams.
        let more = format!("mqtt-payload-format-indicator: {format}\r\ncontent-length: 100000\r\n\r\nfirst");
        connection.write(format!("{}{more}", start(&topic)).as_bytes());
        if format == "0" {
            // It streams: its head is upstream before its end.
            eventually("the head to leave", || watched.recorder.begun(&topic).then_some(()));
        }
        drop(connection);
        let whole = || recorded(watched, &topic).into_iter().filter_map(|request| request.body).count();
        block_on(async {
            let mut connection = watched.edge.at(Protocol::Http1).connect().await;
            connection.send(Request::publish(&topic).body("last")).await.unwrap().expect_published(204);
        });
        assert_eq!(whole(), 1);
    }
}

/// The beginning of a request over HTTP/1.1.
fn start(topic: &str) -> String {
    let token = token::valid();
    format!(
        "POST /mqtt/messages?topic={topic} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n"
    )
}
