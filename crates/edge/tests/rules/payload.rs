//! The payload: it streams by, and its end waits for the verdict.

use serde_json::json;

use crate::fake_host::Request;
use crate::{OPEN, config};

fn text() -> Request {
    Request::post("/mqtt/messages?topic=a").field("mqtt-payload-format-indicator", "1")
}

fn dry_run() -> Request {
    Request::post("/mqtt/messages?topic=a&dry-run=1")
}

#[test]
fn a_payload_goes_on_chunk_by_chunk() {
    for request in [Request::post("/mqtt/messages?topic=a"), text()] {
        let fate = request.chunks([b"Gr\xc3", b"\xbc\xc3\x9fe", b""]).send(&config(OPEN));
        assert!(fate.is_sent());
        assert_eq!(fate.body, "Gr\u{fc}\u{df}e".as_bytes());
    }
}

#[test]
fn a_payload_said_to_be_utf8_that_is_not_never_reaches_the_upstream_whole() {
    let rows = [
        // Over HTTP/1.1 the upstream has a whole request with the last announced byte, and the end comes afterwards.
        (text().field("content-length", "5").chunks([b"abc", b"d\xe4", b""]), "abc"),
        (text().field("content-length", "1").chunks([b"\xff", b""]), ""),
        (text().field("content-length", "5").chunks([b"abc", b"d\xe4"]).trailers(&[]), "abc"),
        // Without a Content-Length the end is the end.
        (text().chunks([b"abc", b"\xff"]), "abc"),
        (text().chunks([b"abc", b"\xe4", b""]), "abc\u{fffd}"),
        (text().chunks([b"abc", b"\xe4"]).trailers(&["checksum"]), "abc\u{fffd}"),
        // What is not UTF-8 stops where it is.
        (text().chunks([b"a\xffb", b"c"]), ""),
    ];
    for (request, passed) in rows {
        let fate = request.send(&config(OPEN));
        assert_eq!(fate.refusal(), Some((400, "PayloadNotUtf8")), "{request:?}");
        assert_eq!(
            (String::from_utf8_lossy(&fate.body).as_ref(), fate.is_whole),
            (passed, false),
            "{request:?}"
        );
    }
}

#[test]
fn a_character_may_be_cut_wherever_a_host_cuts_it() {
    let payload = "a\u{df}\u{4e16}\u{1f600}".as_bytes();
    for size in 1..=payload.len() {
        assert!(text().sliced(payload, size).send(&config(OPEN)).is_sent(), "{size}");
        let broken = [payload, b"\xff"].concat();
        let fate = text().sliced(&broken, size).send(&config(OPEN));
        assert_eq!(fate.refusal(), Some((400, "PayloadNotUtf8")), "{size}");
    }
}

#[test]
fn a_payload_that_grows_over_the_limit_is_refused_on_its_way() {
    let small = r#"{"clientId": {"from": "none"}, "limits": {"payloadBytes": 4}}"#;
    let fate = Request::post("/mqtt/messages?topic=a").chunks([b"ab", b"cd"]).send(&config(small));
    assert!(fate.is_sent());
    let fate = Request::post("/mqtt/messages?topic=a").chunks([b"ab", b"cd", b"e"]).send(&config(small));
    assert_eq!(fate.refusal(), Some((413, "PayloadTooLarge")));
    assert_eq!((fate.body.as_slice(), fate.is_whole), (&b"abcd"[..], false));
}

#[test]
fn a_dry_run_is_answered_when_its_payload_has_been_seen_and_its_last_byte_does_not_go_on() {
    let rows = [
        // All of it is there with the head: nothing goes on.
        (dry_run(), None, 0),
        (dry_run().field("content-length", "0").chunks([b""]), None, 0),
        (dry_run().field("content-length", "4").chunks([b"ab", b"cd", b""]), Some(2), 4),
        (dry_run().chunks([b"ab", b"cd"]), Some(2), 4),
        (dry_run().chunks([b"ab"]).trailers(&[]), Some(2), 2),
    ];
    for (request, passed, seen) in rows {
        let fate = request.send(&config(OPEN));
        let answer = fate.answer.as_ref().expect("an answer");
        assert_eq!((answer.status, answer.details.as_str()), (200, "postmqtt{DryRun}"));
        assert_eq!(answer.fields, [("content-type".to_owned(), "application/json".to_owned())]);
        let publish = json!({
            "topicName": "a", "qos": 1, "retain": false, "payloadFormatIndicator": 0, "payloadBytes": seen,
        });
        assert_eq!(answer.body, json!({ "dryRun": true, "publish": publish }), "{request:?}");
        assert_eq!(fate.head.is_some().then_some(fate.body.len()), passed, "{request:?}");
        assert!(!fate.is_whole, "{request:?}");
    }
}

#[test]
fn what_goes_on_of_a_dry_run_says_that_it_is_one() {
    let request = Request::post("/mqtt/messages?dry-run=1&topic=a/b").chunks([b"x", b"y"]);
    assert_eq!(request.send(&config(OPEN)).field(":path"), Some("/mqtt/messages?topic=a%2Fb&dry-run=1"));
}

#[test]
fn a_dry_run_checks_the_payload() {
    let fate =
        dry_run().field("mqtt-payload-format-indicator", "1").chunks([b"a", b"\xff"]).send(&config(OPEN));
    assert_eq!(fate.refusal(), Some((400, "PayloadNotUtf8")));
}
