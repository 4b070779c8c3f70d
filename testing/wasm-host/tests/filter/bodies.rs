//! Bodies, cut wherever a network could cut them.

use wasm_host::{Action, Callback, Fields, Request};

use super::{OPEN, code, configured, is_sent, status};

/// Characters of one to four bytes.
const TEXT: &str = "a\u{df}\u{4e16}\u{1f600} done";

const SMALL: &str = r#"{"clientId": {"from": "none"}, "limits": {"payloadBytes": 16}}"#;

fn any() -> Request {
    Request::post("/mqtt/messages?topic=a")
}

/// Said to be UTF-8, so that its end waits until all of it was checked.
fn text() -> Request {
    any().field("mqtt-payload-format-indicator", "1")
}

/// Every way to cut bytes into three chunks, empty ones among them, with and without trailers.
fn cuts(request: &Request, body: &[u8]) -> Vec<Request> {
    let mut requests = Vec::new();
    for first in 0..=body.len() {
        for second in first..=body.len() {
            let cut = request.clone().chunks([&body[..first], &body[first..second], &body[second..]]);
            requests.push(cut.clone());
            requests.push(cut.trailers(Fields::from_iter([("checksum", "1")])));
        }
    }
    requests
}

#[test]
fn a_payload_arrives_whole_wherever_it_is_cut() {
    let host = configured(OPEN);
    for request in cuts(&any(), b"\xff\0any").into_iter().chain(cuts(&text(), TEXT.as_bytes())) {
        let outcome = host.send(&request).unwrap();
        assert!(is_sent(&outcome), "{request:?}");
        assert!([b"\xff\0any", TEXT.as_bytes()].contains(&outcome.upstream.body.as_slice()));
    }
}

#[test]
fn a_payload_that_is_not_utf8_never_leaves_whole_wherever_it_is_cut() {
    let host = configured(OPEN);
    let broken: [&[u8]; 6] =
        [b"ab\xff", b"\xe4\xb8", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xf0\x9f\x98done"];
    for body in broken {
        for request in cuts(&text(), body) {
            let outcome = host.send(&request).unwrap();
            assert_eq!(status(&outcome), Some(400), "{request:?}");
            assert!(!is_sent(&outcome), "{request:?}");
            assert_eq!(code(&outcome.local_reply.unwrap()), "PayloadNotUtf8");
        }
    }
}

#[test]
fn a_payload_of_just_the_limit_goes_on_and_one_byte_more_never_whole() {
    let host = configured(SMALL);
    for request in [any(), text()] {
        for fitting in cuts(&request, &[b'x'; 16]) {
            assert!(is_sent(&host.send(&fitting).unwrap()), "{fitting:?}");
        }
        for too_large in cuts(&request, &[b'x'; 17]) {
            let outcome = host.send(&too_large).unwrap();
            assert_eq!(status(&outcome), Some(413), "{too_large:?}");
            assert!(!is_sent(&outcome), "{too_large:?}");
        }
    }
}

#[test]
fn a_length_that_lies_changes_nothing() {
    let host = configured(SMALL);
    let rows = [("17", Some(413)), ("16", None), ("0", None), ("-1", None), ("x", None), ("1e9", None)];
    for (length, expected) in rows {
        let request = any().field("content-length", length);
        let fitting = host.send(&request.clone().body([b'x'; 16])).unwrap();
        assert_eq!(status(&fitting), expected, "{length}");
        let too_large = host.send(&request.body([b'x'; 17])).unwrap();
        assert_eq!(status(&too_large), Some(413), "{length}");
        assert!(!is_sent(&too_large), "{length}");
    }
}

#[test]
fn a_head_that_is_all_there_is_never_waits() {
    let host = configured(OPEN);
    for request in [any(), text(), any().field("mqtt-retain", "1")] {
        let outcome = host.send(&request).unwrap();
        assert!(is_sent(&outcome), "{request:?}");
    }
}

#[test]
fn trailers_end_a_payload_that_no_chunk_ended() {
    let host = configured(OPEN);
    for request in [any(), text()] {
        let stream = host.open().unwrap();
        assert_eq!(stream.request_headers(request.head(), false), Ok(Action::Continue));
        assert_eq!(stream.request_body(b"text", false), Ok(Action::Continue));
        assert_eq!(stream.request_trailers(&Fields::new()), Ok(Action::Continue));
        assert!(stream.upstream().is_whole);
        stream.close().unwrap();
    }
}

#[test]
fn trailers_do_not_say_what_only_the_edge_may_say() {
    let host = configured(OPEN);
    let names = ["checksum", "x-mqtt-client-id", "x-mqtt-cluster", "x-mqtt-client-id"];
    let elsewhere = Request::post("/elsewhere").body("text");
    for request in [any(), text(), elsewhere] {
        let trailers = Fields::from_iter(names.map(|name| (name, "1")));
        let outcome = host.send(&request.trailers(trailers)).unwrap();
        assert!(is_sent(&outcome));
        assert_eq!(outcome.upstream.trailers, Some(Fields::from_iter([("checksum", "1")])));
    }
}

#[test]
fn a_size_that_the_host_cannot_back_is_not_believed() {
    let host = configured(OPEN);
    for size in [6, 1_000, u32::MAX] {
        let stream = host.open().unwrap();
        stream.request_headers(text().head(), false).unwrap();
        stream.request_body(b"12345", false).unwrap();
        assert_eq!(stream.call(Callback::RequestBody { size, end: true }), Ok(1), "{size}");
        assert_eq!(stream.local_reply().map(|reply| code(&reply)).as_deref(), Some("EdgeFailure"), "{size}");
        assert!(!stream.upstream().is_whole);
        stream.close().unwrap();
    }
}

#[test]
fn the_last_announced_byte_waits_for_the_verdict() {
    // Over HTTP/1.1 the upstream has a whole request with it; Envoy tells of the end afterwards.
    let host = configured(OPEN);
    let rows: [(&str, &[&[u8]], usize); 4] = [
        ("5", &[b"ab\xff", b"cd"], 0),
        ("5", &[b"abc", b"d\xe4"], 3),
        ("1", &[b"\xff"], 0),
        ("4", &[b"abc", b"\xf0"], 3),
    ];
    for (length, chunks, passed) in rows {
        let stream = host.open().unwrap();
        let request = text().field("content-length", length);
        assert_eq!(stream.request_headers(request.head(), false), Ok(Action::Continue));
        for chunk in chunks {
            stream.request_body(chunk, false).unwrap();
        }
        assert_eq!(stream.local_reply().map(|reply| code(&reply)).as_deref(), Some("PayloadNotUtf8"));
        assert_eq!(stream.upstream().body.len(), passed, "{chunks:?}");
        stream.close().unwrap();
    }
}

#[test]
fn a_dry_run_is_answered_before_its_last_byte_goes_on() {
    let host = configured(OPEN);
    let dry_run = Request::post("/mqtt/messages?topic=a&dry-run=1");
    let rows: [(Option<&str>, &[&[u8]], usize); 4] = [
        (Some("4"), &[b"ab", b"cd"], 2),
        (Some("2"), &[b"ab"], 0),
        (Some("0"), &[], 0),
        (None, &[b"ab", b"cd", b""], 4),
    ];
    for (length, chunks, passed) in rows {
        let stream = host.open().unwrap();
        let request =
            length.iter().fold(dry_run.clone(), |request, length| request.field("content-length", *length));
        stream.request_headers(request.head(), false).unwrap();
        for (index, chunk) in chunks.iter().enumerate() {
            stream.request_body(chunk, length.is_none() && index + 1 == chunks.len()).unwrap();
        }
        assert_eq!(stream.local_reply().map(|reply| reply.status), Some(200), "{length:?}");
        let upstream = stream.upstream();
        assert_eq!((upstream.body.len(), upstream.is_whole), (passed, false), "{length:?}");
        if let Some(fields) = upstream.fields {
            assert_eq!(fields.get(":path"), Some(&b"/mqtt/messages?topic=a&dry-run=1"[..]));
        }
        stream.close().unwrap();
    }
}

#[test]
fn half_a_mebibyte_takes_its_share_of_memory_once() {
    let host = configured(OPEN);
    let body = "\u{df}".repeat(256 * 1024);
    let cut = |size: usize| text().chunks(body.as_bytes().chunks(size));
    let warm = || {
        for size in [body.len(), 64 * 1024, 16 * 1024, 16 * 1024 - 1] {
            assert!(is_sent(&host.send(&cut(size)).unwrap()), "{size}");
        }
        host.memory_size()
    };
    let after_one = warm();
    for _ in 0..8 {
        assert_eq!(warm(), after_one);
    }
}
