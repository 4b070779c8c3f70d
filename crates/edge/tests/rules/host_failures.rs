//! Calls to the host that fail: the request is refused as the edge's fault, and never goes on whole.

use edge::Attribute::{PeerUriSan, PeerUriSans, SourceAddress};
use serde_json::json;

use crate::fake_host::{Call, Request};
use crate::{OPEN, config};

const TOKEN: &str = r#"{
    "clientId": { "from": "jwt" },
    "enrichment": [{ "key": "from", "value": "${source.address}" }]
}"#;
const CERTIFICATE: &str = r#"{"clientId": {"from": "certificate"}}"#;

/// A request for which the filter makes every call.
fn text() -> Request {
    Request::post("/mqtt/messages?topic=a/b")
        .field("mqtt-payload-format-indicator", "1")
        .field("x-mqtt-client-id", "root")
        .claims(json!({ "jwt": { "oid": "me" } }))
        .attribute(PeerUriSan, "urn:me")
        .attribute(PeerUriSans, "urn:me")
        .chunks([b"ab", b"cd"])
        .trailers(&["x-mqtt-cluster"])
}

#[test]
fn a_request_of_which_a_call_failed_is_refused() {
    let rows = [
        (OPEN, Call::RequestHead),
        (OPEN, Call::ChangeRequestHead),
        (OPEN, Call::RequestChunk),
        (OPEN, Call::RemoveRequestTrailers),
        (TOKEN, Call::Claims),
        (TOKEN, Call::Claim),
        (TOKEN, Call::Attribute(SourceAddress)),
        (CERTIFICATE, Call::Attribute(PeerUriSan)),
        (CERTIFICATE, Call::Attribute(PeerUriSans)),
    ];
    for (json, call) in rows {
        assert!(text().send(&config(json)).is_sent(), "{call:?}");
        let fate = text().failing(call).send(&config(json));
        assert_eq!(fate.refusal(), Some((500, "EdgeFailure")), "{call:?}");
        assert!(!fate.is_whole, "{call:?}");
        let detail = fate.answer.expect("an answer").body["detail"].to_string();
        assert!(detail.contains("fake_call failed with status 2"), "{detail}");
    }
}

#[test]
fn a_request_that_the_host_cannot_answer_either_stays_where_it_is() {
    let requests = [
        Request::post("/mqtt/messages?topic=a&qos=2"),
        Request::post("/mqtt/messages?topic=a&qos=2").chunks([b"a", b"b"]).trailers(&[]),
        Request::post("/mqtt/messages?topic=a")
            .field("mqtt-payload-format-indicator", "1")
            .chunks([b"\xff", b""]),
        Request::post("/mqtt/messages?topic=a&dry-run=1").chunks([b"a", b"b"]).trailers(&[]),
    ];
    for request in requests {
        let fate = request.failing(Call::SendLocalResponse).send(&config(OPEN));
        assert!(fate.answer.is_none() && !fate.is_whole, "{fate:?}");
    }
}

#[test]
fn a_count_that_is_lost_harms_no_request() {
    assert!(text().failing(Call::Count).send(&config(OPEN)).is_sent());
}
