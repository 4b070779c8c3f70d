//! Who publishes: what the host says of the client, in every form in which it says it.

use serde_json::{Value, json};
use wasm_host::{Host, Outcome, Property};

use super::{code, configured, is_sent, seed, set_claims, status};

const TOKEN: &str = r#"{"clientId": {"from": "jwt", "claims": ["oid", "sub", ["realm", "id"]]}}"#;
const CERTIFICATE: &str = r#"{"clientId": {"from": "certificate"}}"#;
const NOBODY: &str = r#"{"clientId": {"from": "none"}}"#;

/// The client id that the upstream is told.
fn client_id(outcome: &Outcome) -> Option<String> {
    let fields = outcome.upstream.fields.as_ref()?;
    Some(String::from_utf8(fields.get("x-mqtt-client-id")?.to_vec()).unwrap())
}

/// Sets what Envoy shows of the URI SANs of the client's certificate: the first, and all of them, joined by commas.
fn set_uris(host: &Host, first: Option<Property>, all: Option<Property>) {
    host.set_property(&["connection", "uri_san_peer_certificate"], first);
    host.set_property(&["filter_state", "postmqtt.peer_uri_sans"], all);
}

/// Sends a request, which has to end so: the client id that the upstream is told, or status and code of the refusal.
fn check(host: &Host, expected: Result<&str, (u32, &str)>, context: &str) {
    let outcome = host.send(&seed()).unwrap();
    match expected {
        Ok(expected) => {
            assert!(is_sent(&outcome), "{context}");
            assert_eq!(client_id(&outcome).as_deref(), Some(expected), "{context}");
        }
        Err((expected_status, expected_code)) => {
            assert_eq!(
                (status(&outcome), &outcome.upstream.fields),
                (Some(expected_status), &None),
                "{context}"
            );
            assert_eq!(code(&outcome.local_reply.unwrap()), expected_code, "{context}");
        }
    }
}

#[test]
fn the_client_id_is_text_that_was_verified() {
    let long = "x".repeat(256);
    let too_long = "x".repeat(257);
    let unusable = Err((403, "InvalidClientId"));
    let rows: &[(&str, Result<&str, (u32, &str)>)] = &[
        ("55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7", Ok("55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7")),
        ("a b/\u{e4},+#", Ok("a%20b%2F%C3%A4%2C%2B%23")),
        (&long, Ok(&long)),
        (&too_long, unusable),
        ("a\r\nx-admin: 1", unusable),
        ("a\0b", unusable),
        ("\u{fffe}", unusable),
        ("", Err((401, "Unauthenticated"))),
    ];
    for (given, expected) in rows {
        let host = configured(TOKEN);
        set_claims(&host, &json!({ "oid": given }));
        check(&host, *expected, &format!("a claim {given:?}"));

        let host = configured(CERTIFICATE);
        set_uris(&host, Some(Property::from(*given)), Some(Property::from(*given)));
        check(&host, *expected, &format!("a certificate for {given:?}"));
    }
}

#[test]
fn a_claim_that_is_no_text_names_no_client() {
    let host = configured(TOKEN);
    let values =
        [json!(7), json!(1.5e300), json!(true), json!([]), json!(["oid"]), json!({}), json!({ "oid": "x" })];
    for value in values {
        set_claims(&host, &json!({ "oid": value, "sub": "subject" }));
        check(&host, Err((403, "InvalidClientId")), &value.to_string());
    }
}

#[test]
fn a_text_that_could_be_another_type_is_still_a_text() {
    let host = configured(TOKEN);
    for text in ["x", "eight888", "a", "\u{e4}\u{e4}\u{e4}\u{e4}"] {
        set_claims(&host, &json!({ "oid": text, "sub": "subject" }));
        let outcome = host.send(&seed()).unwrap();
        assert!(is_sent(&outcome), "{text}");
    }
    // 0x0a is how a list or an object starts; no client id has it.
    set_claims(&host, &json!({ "oid": "\n\u{3}abc", "sub": "subject" }));
    check(&host, Err((403, "InvalidClientId")), "a text that starts as a list does");
}

#[test]
fn a_list_is_not_entered_on_the_way_to_a_claim() {
    let host = configured(r#"{"clientId": {"from": "jwt", "claims": [["roles", "0"]]}}"#);
    set_claims(&host, &json!({ "roles": ["publisher"] }));
    check(&host, Err((401, "Unauthenticated")), "a list");
}

#[test]
fn a_certificate_that_the_host_cannot_show_is_the_edges_failure() {
    let host = configured(CERTIFICATE);
    set_uris(&host, Some(Property::Unserializable), Some(Property::from("urn:a")));
    check(&host, Err((500, "EdgeFailure")), "the first URI SAN");
}

#[test]
fn without_a_claim_no_client_is_authenticated() {
    let host = configured(TOKEN);
    let anonymous = Err((401, "Unauthenticated"));
    check(&host, anonymous, "no metadata");
    for claims in
        [json!({}), json!({ "oid": null }), json!({ "realm": { "id": null } }), json!(null), json!("oid")]
    {
        set_claims(&host, &claims);
        check(&host, anonymous, &claims.to_string());
    }
    for metadata in [
        json!({}),
        json!({ "envoy.filters.http.jwt_authn": {} }),
        json!({ "other": { "jwt": { "oid": "me" } } }),
    ] {
        host.set_property(&["metadata"], Some(Property::metadata(&metadata)));
        check(&host, anonymous, &metadata.to_string());
    }
    let host = configured(CERTIFICATE);
    set_claims(&host, &json!({ "oid": "me" }));
    check(&host, anonymous, "a token where a certificate is asked for");
}

#[test]
fn a_certificate_names_its_client_where_it_has_one_uri_san_and_no_other() {
    let several = Err((403, "InvalidClientId"));
    let unknown = Err((500, "EdgeFailure"));
    let rows: &[(Option<&str>, Option<&str>, Result<&str, (u32, &str)>)] = &[
        (Some("urn:a"), Some("urn:a"), Ok("urn%3Aa")),
        (Some("urn:a,b"), Some("urn:a,b"), Ok("urn%3Aa%2Cb")),
        (Some("urn:a"), Some("urn:a,urn:b"), several),
        (Some("urn:a"), Some("urn:a,urn:a"), several),
        (Some("urn:a"), Some("urn:a,"), several),
        (Some("urn:a"), Some("urn:b"), several),
        (Some("urn:a"), None, unknown),
        (Some("urn:a"), Some(""), unknown),
        (None, Some("urn:a"), Err((401, "Unauthenticated"))),
        (Some(""), Some(",urn:a"), Err((401, "Unauthenticated"))),
    ];
    for (first, all, expected) in rows {
        let host = configured(CERTIFICATE);
        set_uris(&host, first.map(Property::from), all.map(Property::from));
        check(&host, *expected, &format!("the first is {first:?} of {all:?}"));
    }
}

#[test]
fn the_first_claim_that_is_there_counts() {
    let host = configured(TOKEN);
    let rows: &[(Value, &str)] = &[
        (json!({ "oid": "object", "sub": "subject", "realm": { "id": "nested" } }), "object"),
        (json!({ "sub": "subject", "realm": { "id": "nested" } }), "subject"),
        (json!({ "realm": { "id": "nested" } }), "nested"),
        (json!({ "oid": null, "sub": "subject" }), "subject"),
        (json!({ "oid": "", "sub": "subject" }), "subject"),
    ];
    for (claims, expected) in rows {
        set_claims(&host, claims);
        check(&host, Ok(expected), &claims.to_string());
    }
}

#[test]
fn metadata_that_is_broken_names_no_client() {
    let host = configured(TOKEN);
    // Eight bytes may be a number, so the filter looks into the metadata.
    let claims = json!({ "oid": "eight888", "sub": "subject" });
    let token = json!({ "envoy.filters.http.jwt_authn": { "jwt": claims } });
    let by_path = ["metadata", "filter_metadata", "envoy.filters.http.jwt_authn", "jwt", "oid"];
    host.set_property(&by_path, Some(Property::from("eight888")));
    let whole = Property::metadata(&token).to_bytes().unwrap().into_owned();
    host.set_property(&["metadata"], Some(Property::Bytes(whole.clone())));
    check(&host, Ok("eight888"), "whole");
    for length in 0..whole.len() {
        host.set_property(&["metadata"], Some(Property::Bytes(whole[..length].to_vec())));
        check(&host, Err((401, "Unauthenticated")), &format!("{length} bytes of it"));
    }
    for index in 0..whole.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let mut broken = whole.clone();
            broken[index] = byte;
            host.set_property(&["metadata"], Some(Property::Bytes(broken)));
            host.send(&seed()).unwrap();
        }
    }
}

#[test]
fn a_client_cannot_name_itself() {
    let forged = seed().field("x-mqtt-client-id", "root").field("x-mqtt-client-id", "root");
    for (configuration, expected) in [(TOKEN, Some("me")), (NOBODY, None)] {
        let host = configured(configuration);
        set_claims(&host, &json!({ "oid": "me" }));
        let outcome = host.send(&forged).unwrap();
        assert!(is_sent(&outcome));
        assert_eq!(client_id(&outcome).as_deref(), expected);
        let fields = outcome.upstream.fields.unwrap();
        let given = fields.iter().filter(|(name, _)| *name == b"x-mqtt-client-id").count();
        assert_eq!(given, usize::from(expected.is_some()));
    }
}

#[test]
fn no_refusal_echoes_the_identity() {
    let host = configured(TOKEN);
    set_claims(&host, &json!({ "oid": "secret\u{7}identity" }));
    let reply = host.send(&seed().field("authorization", "Bearer secret")).unwrap().local_reply.unwrap();
    let body = String::from_utf8(reply.body).unwrap();
    assert!(!body.contains("secret"), "{body}");
}
