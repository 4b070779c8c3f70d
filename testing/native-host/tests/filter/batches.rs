//! Batches whose lines are judged one by one: Envoy holds their payload, and the filter replaces it.

use native_host::{Config, Fault, Step, Stream};
use serde_json::{Value, json};

use crate::support::{config, publish, refusal, refused};

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

fn batch(config: &Config) -> Stream {
    let mut stream = publish(config, "/mqtt/messages/batch");
    stream.field("content-length", PAYLOAD.len().to_string());
    stream
}

/// What each line has become: the code of its refusal, or its topic.
fn lines(stream: &Stream) -> Vec<String> {
    let passed = stream.passed();
    let lines = passed.split_inclusive(|&byte| byte == b'\n');
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
    lines.map(line).collect()
}

#[test]
fn lines_are_judged_wherever_chunks_end_and_whatever_ends_the_payload() {
    let config = config(POLICY);
    for size in [1, 2, 11, PAYLOAD.len()] {
        let chunks: Vec<_> = PAYLOAD.as_bytes().chunks(size).collect();
        let (last, others) = chunks.split_last().unwrap();
        for ending in ["last chunk", "last chunk apart", "empty chunk", "trailers"] {
            let mut stream = batch(&config);
            if ending == "last chunk apart" {
                stream.shows_last_part_apart();
            }
            assert_eq!(stream.head(false), Step::Continues);
            let held = others.iter().all(|chunk| stream.body(&[chunk], false) == Step::Holds);
            assert!(held && stream.passed().is_empty());
            let ends = ending.starts_with("last chunk");
            let expected = if ends { Step::Continues } else { Step::Holds };
            assert_eq!(stream.body(&[last], ends), expected);
            match ending {
                "empty chunk" => assert_eq!(stream.body(&[], true), Step::Continues),
                "trailers" => assert_eq!(stream.end_with_trailers(), Step::Continues),
                _ => {}
            }
            assert_eq!(stream.answer(), None);
            assert_eq!(lines(&stream), ["own/\u{fc}", "NotPermitted", "own/b"], "{size}, {ending}");
            assert_eq!(stream.value("content-length"), None);
            assert_eq!(stream.value("x-mqtt-judged-lines").as_deref(), Some("1"));
        }
    }
    assert_eq!(config.counter(r#"postmqtt_requests{outcome="SentBatch"}"#), Some(16));
}

#[test]
fn chunks_in_one_call_are_one_payload() {
    let config = config(POLICY);
    let mut stream = batch(&config);
    assert_eq!(stream.head(false), Step::Continues);
    let chunks: Vec<_> = PAYLOAD.as_bytes().chunks(3).collect();
    assert_eq!(stream.body(&chunks, true), Step::Continues);
    assert_eq!(lines(&stream), ["own/\u{fc}", "NotPermitted", "own/b"]);
}

#[test]
fn a_batch_without_lines_is_refused_however_it_ends() {
    let config = config(POLICY);
    let mut head_only = batch(&config);
    assert_eq!(head_only.head(true), Step::Stops);
    let mut empty = batch(&config);
    assert_eq!((empty.head(false), empty.body(&[], true)), (Step::Continues, Step::Stops));
    let mut trailers = batch(&config);
    assert_eq!((trailers.head(false), trailers.end_with_trailers()), (Step::Continues, Step::Stops));
    for stream in [head_only, empty, trailers] {
        assert_eq!(refusal(&stream), refused(400, "InvalidBatchLine"));
    }
}

#[test]
fn a_payload_that_cannot_be_read_or_replaced_never_goes_on() {
    let config = config(POLICY);
    let faults = [
        Fault::NoBody,
        Fault::TooManyChunks,
        Fault::NullChunk,
        Fault::HugeChunk,
        Fault::ShortChunk,
        Fault::BodyNotDrained,
        Fault::BodyNotAppended,
    ];
    for fault in faults {
        for parts in [&[PAYLOAD.as_bytes()][..], &[PAYLOAD.as_bytes(), b" "]] {
            let mut stream = batch(&config);
            assert_eq!(stream.head(false), Step::Continues);
            stream.fault(fault);
            let (last, others) = parts.split_last().unwrap();
            assert!(others.iter().all(|part| stream.body(&[part], false) == Step::Holds));
            assert_eq!(stream.body(&[last], true), Step::Stops, "{fault:?}");
            assert_eq!(refusal(&stream), refused(500, "EdgeFailure"), "{fault:?}");
            assert!(stream.passed().is_empty());
        }
    }
}

#[test]
fn a_batch_may_end_anywhere() {
    let config = config(POLICY);
    let mut stream = batch(&config);
    assert_eq!(stream.head(false), Step::Continues);
    assert_eq!(stream.body(&[b"{\"topic\":"], false), Step::Holds);
    assert!(stream.passed().is_empty());
    drop(stream);
    assert_eq!(config.counted(), []);
}
