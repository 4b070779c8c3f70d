//! Requests in Envoy's order: head, body, trailers.

use native_host::{Step, Stream, take_log};

use crate::support::{CLOSED_MESH, config, publish, refusal, refused};

#[test]
fn a_publish_goes_on_in_normal_form_and_is_counted() {
    let config = config(CLOSED_MESH);
    let mut stream = publish(&config, "/mqtt/messages?topic=a%62&qos=0");
    assert_eq!(stream.head(false), Step::Continues);
    assert_eq!(stream.body(&[b"21", b".5"], false), Step::Continues);
    assert_eq!(config.counted(), []);
    assert_eq!(stream.body(&[], true), Step::Continues);
    assert_eq!(stream.value(":path").as_deref(), Some("/mqtt/messages?topic=ab"));
    assert_eq!(stream.value("mqtt-qos").as_deref(), Some("0"));
    assert_eq!((stream.answer(), stream.routes_chosen_anew()), (None, 1));
    let sent = r#"postmqtt_requests{outcome="Sent",qos="0"}"#;
    assert_eq!(config.counted(), [(sent.to_owned(), 1)]);
}

#[test]
fn every_series_is_there_before_the_first_request() {
    let config = config(CLOSED_MESH);
    let rows = [
        r#"postmqtt_requests{outcome="Sent",qos="1"}"#,
        r#"postmqtt_requests{outcome="DryRun"}"#,
        r#"postmqtt_requests{outcome="InvalidQos"}"#,
        r#"postmqtt_requests{outcome="EdgeFailure"}"#,
    ];
    for series in rows {
        assert_eq!(config.counter(series), Some(0), "{series}");
    }
}

#[test]
fn a_request_to_another_path_is_left_alone_but_for_what_only_the_edge_may_say() {
    let config = config(CLOSED_MESH);
    let mut stream = publish(&config, "/other?topic=a%62");
    stream.field("x-mqtt-client-id", "forged").trailer("x-mqtt-cluster", "forged").trailer("x-other", "kept");
    assert_eq!(stream.head(false), Step::Continues);
    assert_eq!(stream.body(&[b"\xff"], false), Step::Continues);
    assert_eq!(stream.end_with_trailers(), Step::Continues);
    assert_eq!(stream.value(":path").as_deref(), Some("/other?topic=a%62"));
    assert_eq!(stream.value("x-mqtt-client-id"), None);
    assert_eq!(stream.trailer_names(), ["x-other"]);
    assert_eq!(config.counted(), []);
}

#[test]
fn a_head_without_changes_keeps_its_route() {
    let config = config(CLOSED_MESH);
    let mut stream = publish(&config, "/other");
    assert_eq!(stream.head(true), Step::Continues);
    assert_eq!(stream.routes_chosen_anew(), 0);
}

#[test]
fn a_refusal_says_why_and_stops_every_part() {
    let config = config(CLOSED_MESH);
    let mut stream = publish(&config, "/mqtt/messages?topic=a&qos=2");
    assert_eq!(stream.head(false), Step::Stops);
    assert_eq!(stream.body(&[b"a"], false), Step::Stops);
    assert_eq!(stream.end_with_trailers(), Step::Stops);
    assert_eq!(refusal(&stream), refused(400, "InvalidQos"));
    let answer = stream.answer().unwrap();
    let request_id = ("x-request-id".to_owned(), "0f8fad5b-d9cb-469f-a165-70867728950e".to_owned());
    assert!(answer.fields.contains(&request_id), "{:?}", answer.fields);
    assert_eq!(config.counted(), [(r#"postmqtt_requests{outcome="InvalidQos"}"#.to_owned(), 1)]);
}

#[test]
fn a_payload_is_checked_wherever_its_chunks_end() {
    // U+00FC in UTF-8, and the first of its two bytes alone.
    let rows: &[(&[&[u8]], bool)] = &[
        (&[b"f", b"\xc3\xbc", b"r"], true),
        (&[b"f\xc3", b"\xbcr"], true),
        (&[b"", b"f\xc3", b"", b"\xbc"], true),
        (&[b"f\xc3", b"r"], false),
        (&[b"f\xc3"], false),
        (&[b"\xbc"], false),
        (&[], true),
    ];
    let config = config(CLOSED_MESH);
    for (chunks, is_utf8) in rows {
        for chunks_at_once in [true, false] {
            let mut stream = publish(&config, "/mqtt/messages?topic=a");
            stream.field("mqtt-payload-format-indicator", "1");
            assert_eq!(stream.head(false), Step::Continues);
            let last = if chunks_at_once {
                stream.body(chunks, true)
            } else {
                let stopped = chunks.iter().any(|chunk| stream.body(&[chunk], false) == Step::Stops);
                if stopped { Step::Stops } else { stream.body(&[], true) }
            };
            assert_eq!(last == Step::Continues, *is_utf8, "{chunks:?}");
            let expected = if *is_utf8 { None } else { refused(400, "PayloadNotUtf8") };
            assert_eq!(refusal(&stream), expected, "{chunks:?}");
        }
    }
}

#[test]
fn a_payload_that_a_later_filter_holds_back_is_checked_to_its_end() {
    let config = config(CLOSED_MESH);
    let rows: &[(&[u8], &[u8], Step)] =
        &[(b"f\xc3", b"\xbc", Step::Continues), (b"f", b"\xc3", Step::Stops), (b"f", b"", Step::Continues)];
    for (first, last, expected) in rows {
        let mut stream = publish(&config, "/mqtt/messages?topic=a");
        stream.field("mqtt-payload-format-indicator", "1").later_filter_holds();
        assert_eq!(stream.head(false), Step::Continues);
        assert_eq!(stream.body(&[first], false), Step::Continues);
        assert_eq!(stream.body(&[last], true), *expected, "{first:?} {last:?}");
    }
}

#[test]
fn a_payload_over_the_limit_stops_where_it_passes_it() {
    let config = config(r#"{"clientId": {"from": "none"}, "limits": {"payloadBytes": 4}}"#);
    let mut stream = publish(&config, "/mqtt/messages?topic=a");
    assert_eq!(stream.head(false), Step::Continues);
    assert_eq!(stream.body(&[b"1234"], false), Step::Continues);
    assert_eq!(stream.body(&[b"5"], false), Step::Stops);
    assert_eq!(refusal(&stream), refused(413, "PayloadTooLarge"));
}

#[test]
fn a_dry_run_is_answered_and_its_end_never_goes_on() {
    let config = config(CLOSED_MESH);
    let mut stream = publish(&config, "/mqtt/messages?topic=a&dry-run=1");
    assert_eq!(stream.head(false), Step::Continues);
    assert_eq!(stream.body(&[b"21.5"], false), Step::Continues);
    assert_eq!(stream.end_with_trailers(), Step::Stops);
    let answer = stream.answer().unwrap();
    assert_eq!((answer.status, answer.details.as_str()), (200, "postmqtt{DryRun}"));
    let shown: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(shown["publish"]["topicName"], "a");
    assert_eq!(shown["publish"]["payloadBytes"], 4);
}

#[test]
fn two_streams_do_not_see_each_other() {
    let config = config(CLOSED_MESH);
    let mut good = publish(&config, "/mqtt/messages?topic=a%62");
    let mut bad = publish(&config, "/mqtt/messages?topic=%2B");
    good.field("mqtt-payload-format-indicator", "1");
    assert_eq!(good.head(false), Step::Continues);
    assert_eq!(bad.head(false), Step::Stops);
    assert_eq!(good.body(&[b"\xc3"], false), Step::Continues);
    assert_eq!(bad.body(&[b"\xff"], true), Step::Stops);
    drop(bad);
    assert_eq!(good.body(&[b"\xbc"], true), Step::Continues);
    assert_eq!(good.answer(), None);
}

#[test]
fn a_request_that_panics_the_filter_is_refused_and_the_next_one_is_not() {
    let config = config(CLOSED_MESH);
    let mut trapped = publish(&config, "/mqtt/messages?topic=a");
    trapped.field("x-postmqtt-trap", "1");
    let mut other = publish(&config, "/mqtt/messages?topic=a");
    assert_eq!(other.head(false), Step::Continues);
    assert_eq!(trapped.head(false), Step::Stops);
    assert_eq!(trapped.body(&[b"a"], true), Step::Stops);
    assert_eq!(trapped.end_with_trailers(), Step::Stops);
    assert_eq!(refusal(&trapped), refused(500, "EdgeFailure"));
    let request_id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let problem: serde_json::Value = serde_json::from_slice(&trapped.answer().unwrap().body).unwrap();
    assert_eq!(problem["requestId"], request_id);
    assert!(take_log().iter().any(|line| line.text.contains("the filter panicked")));
    drop(trapped);
    assert_eq!(other.body(&[b"a"], true), Step::Continues);
    let mut next = publish(&config, "/mqtt/messages?topic=a");
    assert_eq!(next.head(true), Step::Continues);
    assert_eq!(config.counter(r#"postmqtt_requests{outcome="EdgeFailure"}"#), Some(1));
    assert_eq!(config.counter(r#"postmqtt_requests{outcome="Sent",qos="1"}"#), Some(2));
}

#[test]
fn a_stream_may_end_anywhere() {
    let config = config(CLOSED_MESH);
    drop(Stream::open(&config));
    let mut stream = publish(&config, "/mqtt/messages?topic=a");
    stream.field("mqtt-payload-format-indicator", "1");
    assert_eq!(stream.head(false), Step::Continues);
    assert_eq!(stream.body(&[b"a"], false), Step::Continues);
    drop(stream);
    assert_eq!(config.counted(), []);
}
