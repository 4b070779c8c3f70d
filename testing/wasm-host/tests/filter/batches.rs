//! Batches whose lines are judged one by one: the host holds their payload, and the filter replaces it.

use serde_json::{Value, json};
use wasm_host::{Action, Callback, Fault, Fields, Outcome, Request, Status};

use super::{code, configured, is_sent, status};

const POLICY: &str = r#"{
    "clientId": { "from": "none" },
    "permissions": {
        "topicSpaces": [{ "name": "own", "templates": ["own/#"] }],
        "permissionBindings": [{ "name": "all", "clientGroup": "$all", "topicSpace": "own" }]
    },
    "enrichment": [{ "key": "edge", "value": "yes" }]
}"#;

const PAYLOAD: &str =
    "{\"topic\":\"own/\u{fc}\"}\n{\"topic\":\"other\"}\n{\"topic\":\"own/b\",\"payload\":\"1\"}";

fn batch() -> Request {
    Request::post("/mqtt/messages/batch").field("content-length", PAYLOAD.len().to_string())
}

/// What each line has become: the code of its refusal, or its topic.
fn lines(outcome: &Outcome) -> Vec<String> {
    let head = outcome.upstream.fields.as_ref().unwrap();
    assert_eq!((head.get("content-length"), head.get("x-mqtt-judged-lines")), (None, Some(&b"1"[..])));
    let line = |line: &[u8]| {
        let line: Value = serde_json::from_slice(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        line.get("refused").map_or_else(
            || {
                assert_eq!(line["userProperties"], json!([["edge", "yes"]]));
                text(&line["topic"])
            },
            |problem| text(&problem["code"]),
        )
    };
    outcome.upstream.body.split_inclusive(|&byte| byte == b'\n').map(line).collect()
}

#[test]
fn lines_are_judged_wherever_chunks_end_and_whatever_ends_the_payload() {
    let host = configured(POLICY);
    for size in [1, 2, 11, PAYLOAD.len()] {
        let chunks = PAYLOAD.as_bytes().chunks(size);
        let endings = [
            batch().chunks(chunks.clone()),
            batch().chunks(chunks.clone().chain([&b""[..]])),
            batch()
                .chunks(chunks)
                .trailers(Fields::from_iter([("x-mqtt-judged-lines", "1"), ("checksum", "1")])),
        ];
        for request in endings {
            let outcome = host.send(&request).unwrap();
            assert!(is_sent(&outcome), "{request:?}");
            assert_eq!(lines(&outcome), ["own/\u{fc}", "NotPermitted", "own/b"], "{request:?}");
            if let Some(trailers) = outcome.upstream.trailers {
                assert_eq!(trailers, Fields::from_iter([("checksum", "1")]));
            }
        }
    }
}

#[test]
fn no_line_goes_on_before_the_end() {
    let host = configured(POLICY);
    let stream = host.open().unwrap();
    assert_eq!(stream.request_headers(batch().head(), false), Ok(Action::Continue));
    assert_eq!(stream.request_body(PAYLOAD.as_bytes(), false), Ok(Action::Pause));
    assert_eq!(stream.upstream().body, b"");
    assert_eq!(stream.local_reply(), None);
    stream.close().unwrap();
}

#[test]
fn a_batch_without_lines_or_with_too_many_is_refused() {
    let host = configured(POLICY);
    let many = "{}\n".repeat(1001);
    let large = " ".repeat(600 * 1024);
    let rows: [(Request, u32, &str); 5] = [
        (batch(), 400, "InvalidBatchLine"),
        (batch().body(""), 400, "InvalidBatchLine"),
        (batch().trailers(Fields::new()), 400, "InvalidBatchLine"),
        (batch().body(many), 413, "PayloadTooLarge"),
        (batch().chunks([&large, &large]), 413, "PayloadTooLarge"),
    ];
    for (request, expected, name) in rows {
        let outcome = host.send(&request).unwrap();
        assert_eq!((status(&outcome), outcome.upstream.is_whole), (Some(expected), false), "{name}");
        assert_eq!(code(&outcome.local_reply.unwrap()), name);
    }
}

#[test]
fn a_payload_that_cannot_be_read_or_replaced_never_goes_on() {
    let host = configured(POLICY);
    for name in ["proxy_get_buffer_bytes", "proxy_set_buffer_bytes"] {
        for request in [batch().body(PAYLOAD), batch().chunks([PAYLOAD, ""])] {
            host.watch_calls(&[Fault::Every { name, status: Status::BadArgument as u32 }]);
            let outcome = host.send(&request).unwrap();
            let calls = host.watched_calls();
            assert!(calls.contains(&name), "{calls:?}");
            assert_eq!((is_sent(&outcome), outcome.upstream.body.as_slice()), (false, &b""[..]), "{name}");
            assert_eq!(code(&outcome.local_reply.unwrap()), "EdgeFailure");
        }
    }
}

#[test]
fn a_size_that_the_host_cannot_back_is_not_believed() {
    let host = configured(POLICY);
    for size in [3, 1_000, u32::MAX] {
        let stream = host.open().unwrap();
        stream.request_headers(batch().head(), false).unwrap();
        stream.request_body(b"{}", false).unwrap();
        assert_eq!(stream.call(Callback::RequestBody { size, end: true }), Ok(1), "{size}");
        assert!(!stream.upstream().is_whole && stream.local_reply().is_some());
        stream.close().unwrap();
    }
}

#[test]
fn batches_take_their_share_of_memory_once() {
    let host = configured(POLICY);
    let line = format!("{{\"topic\":\"own/a\",\"payload\":\"{}\"}}\n", "x".repeat(1000));
    let payload = line.repeat(1000);
    let after = || {
        let outcome = host.send(&batch().chunks(payload.as_bytes().chunks(16 * 1024))).unwrap();
        assert!(is_sent(&outcome));
        host.memory_size()
    };
    let after_one = after();
    for _ in 0..8 {
        assert_eq!(after(), after_one);
    }
}
