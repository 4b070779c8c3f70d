//! The payload: its size, its bytes, its UTF-8, and the next request behind it.

use end_to_end::raw::RawConnection;
use end_to_end::{Body, Connection, Edge, Message, Protocol, Request, block_on, token};

/// The largest payload of the default limits.
const LIMIT: usize = 512 * 1024;

/// Bytes of every value, so that none is lost or changed unnoticed.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|index| (index % 251) as u8).collect()
}

/// The same payload with its size announced, and in chunks without that.
fn bodies(payload: &[u8]) -> [(&'static str, Body); 2] {
    let chunks = payload.chunks(16_001).map(<[u8]>::to_vec);
    [("sized", Body::sized(payload.to_vec())), ("chunked", Body::chunked(chunks))]
}

#[test]
fn a_payload_of_any_size_up_to_the_limit_arrives_unchanged() {
    let edge = Edge::shared();
    let topic = edge.topic("sizes");
    let subscriber = edge.subscribe();
    for endpoint in edge.with_and_without() {
        for size in [0, 1, 2, 255, 16_384, 65_535, 65_536, LIMIT - 1, LIMIT] {
            let payload = bytes(size);
            for (kind, body) in bodies(&payload) {
                endpoint.send(Request::publish(&topic).with_body(body)).expect_published(204);
                assert_eq!(subscriber.next().payload, payload, "{kind}, {size} bytes at {endpoint:?}");
            }
        }
    }
}

#[test]
fn a_payload_that_has_to_be_checked_may_be_as_large_as_any() {
    let edge = Edge::shared();
    let topic = edge.topic("checked-sizes");
    let subscriber = edge.subscribe();
    for endpoint in edge.with_and_without() {
        for size in [65_534, 65_536, LIMIT] {
            let payload = "ä".repeat(size / 2).into_bytes();
            for (kind, body) in bodies(&payload) {
                let request = Request::publish(&topic).header("mqtt-payload-format-indicator", "1");
                let answer = endpoint.send(request.with_body(body));
                assert_eq!(
                    (answer.status, answer.text().as_str()),
                    (204, ""),
                    "{kind}, {size} at {endpoint:?}"
                );
                assert_eq!(subscriber.next().payload, payload, "{kind}, {size} bytes at {endpoint:?}");
            }
        }
    }
}

#[test]
fn one_byte_more_than_the_limit_is_413_and_is_not_published() {
    let edge = Edge::shared();
    let topic = edge.topic("too-large");
    let subscriber = edge.subscribe();
    for endpoint in edge.with_and_without() {
        for (format, payload) in [("0", &bytes(LIMIT + 1)), ("1", &vec![b'x'; LIMIT + 1])] {
            for (kind, body) in bodies(payload) {
                let request =
                    Request::publish(&topic).header("mqtt-payload-format-indicator", format).with_body(body);
                let problem = endpoint.send(request).expect_problem();
                let at = format!("{kind}, PFI {format}, at {endpoint:?}: {:#}", problem.document);
                assert_eq!((problem.status, problem.code.as_str()), (413, "PayloadTooLarge"), "{at}");
                assert_eq!(problem.places(), [("body", "payload", "PayloadTooLarge")], "{at}");
                assert_eq!(problem.document["violations"][0]["limit"], LIMIT, "{at}");
            }
        }
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn a_payload_far_over_the_limit_is_answered_while_it_is_still_coming() {
    let edge = Edge::shared();
    let topic = edge.topic("endless");
    let subscriber = edge.subscribe();
    for address in [edge.address(), edge.bridge(Protocol::Http1).address()] {
        let mut connection = RawConnection::open(address);
        connection.write(head(&topic, "transfer-encoding: chunked\r\n").as_bytes());
        let chunk = [b"10000\r\n", &bytes(0x10000)[..], b"\r\n"].concat();
        // The bridge answers after 512 KiB; the edge holds a payload of unknown length up to 1 MiB.
        for _ in 0..17 {
            connection.write(&chunk);
        }
        let problem = connection.read_answer().expect("an answer before the end").expect_problem();
        assert_eq!((problem.status, problem.code.as_str()), (413, "PayloadTooLarge"));
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn utf8_arrives_however_it_is_cut_into_chunks() {
    let edge = Edge::shared();
    let topic = edge.topic("utf8");
    let subscriber = edge.subscribe();
    let text = "aä€🚀\u{0}\u{10ffff}z";
    let one_by_one = || text.bytes().map(|byte| vec![byte]).collect::<Vec<_>>();
    for endpoint in edge.with_and_without() {
        for request in [
            Request::publish(&topic).body(text),
            Request::publish(&topic).chunks(one_by_one()),
            Request::publish(&topic).chunks(one_by_one()).trailer("x-end", "1"),
            Request::publish(&topic).chunks([text]).trailer("x-end", "1"),
            Request::publish(&topic).chunks(text.as_bytes().chunks(2).map(<[u8]>::to_vec)),
        ] {
            let request = request.header("mqtt-payload-format-indicator", "1");
            endpoint.send(request.clone()).expect_published(204);
            let expected = Message { payload_format_indicator: Some(1), ..Message::new(&topic, text) };
            assert_eq!(subscriber.next(), expected, "{request:?} at {endpoint:?}");
        }
        for empty in [Request::publish(&topic), Request::publish(&topic).chunks([""; 0])] {
            let request = empty.header("mqtt-payload-format-indicator", "1");
            endpoint.send(request).expect_published(204);
            assert_eq!(subscriber.next().text(), "", "{endpoint:?}");
        }
    }
}

#[test]
fn a_payload_that_says_it_is_utf8_and_is_not_is_refused_where_it_breaks() {
    // The chunks, and where the first wrong byte stands.
    let rows: &[(&[&[u8]], u64)] = &[
        (&[b"\xff"], 0),
        (&[b"abc\x80"], 3),
        (&[b"\xc3", b"\x28"], 0),
        (&[b"a\xe2\x82", b"b"], 1),
        (&[b"ab", b"\xf0\x9f\x9a"], 2),
        (&[b"\xc0\xaf"], 0),
        (&[b"\xed\xa0\x80"], 0),
        (&[b"\xf4\x90\x80\x80"], 0),
        (&["ä".as_bytes(), b"\xfe"], 2),
    ];
    let edge = Edge::shared();
    let topic = edge.topic("not-utf8");
    let subscriber = edge.subscribe();
    for endpoint in edge.with_and_without() {
        for (chunks, offset) in rows {
            let base = Request::publish(&topic).header("mqtt-payload-format-indicator", "1");
            let pieces = || chunks.iter().map(|chunk| chunk.to_vec());
            for request in [
                base.clone().chunks(pieces()),
                base.clone().chunks(pieces()).trailer("x-end", "1"),
                base.clone().body(chunks.concat()),
            ] {
                let problem = endpoint.send(request.clone()).expect_problem();
                let at = format!("{request:?} at {endpoint:?}");
                assert_eq!((problem.status, problem.code.as_str()), (400, "PayloadNotUtf8"), "{at}");
                assert_eq!(problem.places(), [("body", "payload", "PayloadNotUtf8")], "{at}");
                assert_eq!(problem.document["violations"][0]["offset"], *offset, "{at}");
            }
        }
    }
    assert_eq!(edge.published_until_now(&subscriber, &topic), []);
}

#[test]
fn trailers_end_a_payload_and_say_nothing_else() {
    let edge = Edge::shared();
    let topic = edge.topic("trailers");
    let subscriber = edge.subscribe();
    for endpoint in edge.with_and_without() {
        for format in ["0", "1"] {
            for name in ["x-end", "mqtt-retain", "mqtt-qos", "x-mqtt-client-id"] {
                let request = Request::publish(&topic)
                    .header("mqtt-payload-format-indicator", format)
                    .chunks(["one ", "two"])
                    .trailer(name, "0");
                endpoint.send(request).expect_published(204);
                let message = subscriber.next();
                let seen = (message.text(), message.qos, message.retain);
                assert_eq!(seen, ("one two".to_owned(), 1, false), "{name} at {endpoint:?}");
            }
        }
    }
}

#[test]
fn a_client_that_waits_for_100_continue_is_told_to_continue() {
    let edge = Edge::shared();
    let topic = edge.topic("continue");
    let subscriber = edge.subscribe();
    for address in [edge.address(), edge.bridge(Protocol::Http1).address()] {
        for format in ["0", "1"] {
            let more = format!(
                "mqtt-payload-format-indicator: {format}\r\nexpect: 100-continue\r\ncontent-length: 3\r\n"
            );
            let mut connection = RawConnection::open(address);
            connection.write(head(&topic, &more).as_bytes());
            assert_eq!(connection.read_interim(), Some(100), "PFI {format} at {address}");
            connection.write(b"now");
            connection.read_answer().expect("an answer").expect_published(204);
            assert_eq!(subscriber.next().text(), "now");
        }
    }
}

#[test]
fn a_second_request_on_a_connection_is_judged_by_itself() {
    let edge = Edge::shared();
    let topic = edge.topic("second");
    let subscriber = edge.subscribe();
    for endpoint in edge.with_and_without() {
        block_on(async {
            let mut connection = endpoint.connect().await;
            for number in 0..3 {
                send(&mut connection, Request::publish(&topic).body(format!("good {number}")))
                    .await
                    .expect_published(204);
                // With a 400, or while a payload is still coming, Envoy ends an HTTP/1.1 connection.
                let refused = send(&mut connection, Request::publish("$reserved")).await;
                assert_eq!(refused.expect_problem().code, "TopicReserved", "{endpoint:?}");
            }
        });
        let received: Vec<_> = subscriber.next_many(3).iter().map(Message::text).collect();
        assert_eq!(received, ["good 0", "good 1", "good 2"], "{endpoint:?}");
    }
}

#[test]
fn requests_sent_before_their_answers_are_answered_in_order() {
    let edge = Edge::shared();
    let topic = edge.topic("pipelined");
    let subscriber = edge.subscribe();
    for address in [edge.address(), edge.bridge(Protocol::Http1).address()] {
        let requests = [
            format!("{}one", head(&topic, "content-length: 3\r\n")),
            head("$reserved", ""),
            format!("{}three", head(&topic, "mqtt-payload-format-indicator: 1\r\ncontent-length: 5\r\n")),
        ];
        let mut connection = RawConnection::open(address);
        connection.write(requests.concat().as_bytes());
        let answers = [(); 3].map(|()| connection.read_answer().expect("an answer").status);
        assert_eq!(answers, [204, 403, 204], "{address}");
        assert_eq!(
            (subscriber.next().text(), subscriber.next().text()),
            ("one".to_owned(), "three".to_owned())
        );
    }
}

async fn send(connection: &mut Connection, request: Request) -> end_to_end::Answer {
    connection.send(request).await.expect("an answer")
}

/// The head of a publish over HTTP/1.1, with more headers.
fn head(topic: &str, more: &str) -> String {
    format!(
        "POST /mqtt/messages?topic={topic} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n{more}\r\n",
        token::valid()
    )
}
