//! Who publishes: each source of the identity.

use edge::Attribute::{PeerUriSan, PeerUriSans};
use serde_json::{Value, json};

use crate::config;
use crate::fake_host::{Fate, Request};

const TOKEN: &str =
    r#"{"clientId": {"from": "jwt", "metadataKey": "token", "claims": ["oid", "sub", ["realm", "id"]]}}"#;
const CERTIFICATE: &str = r#"{"clientId": {"from": "certificate"}}"#;
const NONE: &str = r#"{"clientId": {"from": "none"}}"#;

type Expected = Result<&'static str, (u16, &'static str)>;

const UNAUTHENTICATED: Expected = Err((401, "Unauthenticated"));
const INVALID: Expected = Err((403, "InvalidClientId"));

fn publish() -> Request {
    Request::post("/mqtt/messages?topic=a")
}

fn check(fate: &Fate, expected: Expected, given: &str) {
    match expected {
        Ok(client_id) => assert_eq!(fate.field("x-mqtt-client-id"), Some(client_id), "{given}"),
        Err(refusal) => assert_eq!(fate.refusal(), Some(refusal), "{given}"),
    }
    assert_eq!(fate.is_sent(), expected.is_ok(), "{given}");
}

#[test]
fn the_first_claim_that_is_there_names_the_client_and_has_to_be_a_string() {
    let rows: &[(Value, Expected)] = &[
        (json!({ "oid": "object", "sub": "subject" }), Ok("object")),
        (json!({ "sub": "subject", "realm": { "id": "nested" } }), Ok("subject")),
        (json!({ "realm": { "id": "nested" } }), Ok("nested")),
        (json!({ "oid": null, "sub": "subject" }), Ok("subject")),
        (json!({ "oid": "", "sub": "subject" }), Ok("subject")),
        (json!({ "oid": "a b/\u{e4}" }), Ok("a%20b%2F%C3%A4")),
        (json!({ "oid": 7, "sub": "subject" }), INVALID),
        (json!({ "oid": true }), INVALID),
        (json!({ "oid": ["a"] }), INVALID),
        (json!({ "oid": { "a": "b" } }), INVALID),
        (json!({ "oid": "a\r\nb" }), INVALID),
        (json!({ "oid": "x".repeat(257) }), INVALID),
        (json!({}), UNAUTHENTICATED),
        (json!({ "realm": {} }), UNAUTHENTICATED),
        (json!(null), UNAUTHENTICATED),
    ];
    for (claims, expected) in rows {
        let fate = publish().claims(json!({ "token": claims })).send(&config(TOKEN));
        check(&fate, *expected, &claims.to_string());
    }
    let fate = publish().claims(json!({ "another": { "oid": "me" } })).send(&config(TOKEN));
    check(&fate, UNAUTHENTICATED, "a token under another key");
}

#[test]
fn a_certificate_names_its_client_by_its_only_uri_san() {
    let unknown: Expected = Err((500, "EdgeFailure"));
    let rows: &[(Option<&str>, Option<&str>, Expected)] = &[
        (Some("urn:a"), Some("urn:a"), Ok("urn%3Aa")),
        (Some("urn:a,b"), Some("urn:a,b"), Ok("urn%3Aa%2Cb")),
        (Some("urn:a"), Some("urn:a,urn:b"), INVALID),
        (Some("urn:a"), Some("urn:b"), INVALID),
        (Some("urn:a"), None, unknown),
        (None, Some("urn:a"), UNAUTHENTICATED),
        (None, None, UNAUTHENTICATED),
    ];
    for (first, all, expected) in rows {
        let request = [(PeerUriSan, first), (PeerUriSans, all)]
            .into_iter()
            .filter_map(|(attribute, value)| Some((attribute, (*value)?)))
            .fold(publish(), |request, (attribute, value)| request.attribute(attribute, value));
        check(&request.send(&config(CERTIFICATE)), *expected, &format!("{first:?} of {all:?}"));
    }
}

#[test]
fn a_client_without_an_id_publishes_where_the_configuration_asks_for_none() {
    let fate = publish().field("x-mqtt-client-id", "root").send(&config(NONE));
    assert!(fate.is_sent());
    assert_eq!(fate.field("x-mqtt-client-id"), None);
}

#[test]
fn an_identity_comes_before_what_the_request_says() {
    let fate = Request::post("/mqtt/messages?qos=9").send(&config(TOKEN));
    check(&fate, UNAUTHENTICATED, "no topic, no token");
}
