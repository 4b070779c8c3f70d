//! Who publishes: what the host says of the client, in every form in which it says it.

use wasm_host::{Host, Outcome, Property};

use super::{code, configured, is_sent, seed, status};

const TOKEN: &str = r#"{"clientId": {"from": "jwt", "claims": ["oid", "sub", ["realm", "id"]]}}"#;
const CERTIFICATE: &str = r#"{"clientId": {"from": "certificate"}}"#;
const NOBODY: &str = r#"{"clientId": {"from": "none"}}"#;

fn set_claim(host: &Host, claim: &[&str], value: Option<Property>) {
    let token = ["metadata", "filter_metadata", "envoy.filters.http.jwt_authn", "jwt"];
    let path: Vec<&str> = token.iter().chain(claim).copied().collect();
    host.set_property(&path, value);
}

fn client_id(outcome: &Outcome) -> Option<String> {
    let fields = outcome.upstream.fields.as_ref()?;
    Some(String::from_utf8(fields.get("x-mqtt-client-id")?.to_vec()).unwrap())
}

#[test]
fn the_client_id_is_the_claim_in_whatever_form_the_host_gives_it() {
    let bytes = |bytes: &[u8]| Some(Property::Bytes(bytes.to_vec()));
    let rows: &[(Option<Property>, Result<&str, (u32, &str)>)] = &[
        (bytes(b"55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7"), Ok("55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7")),
        (bytes("a b/\u{e4},+#".as_bytes()), Ok("a%20b%2F%C3%A4%2C%2B%23")),
        (bytes(&[b'x'; 256]), Ok("x")),
        (bytes(&[b'x'; 257]), Err((403, "InvalidClientId"))),
        (bytes(b"a\r\nx-admin: 1"), Err((403, "InvalidClientId"))),
        (bytes(b"a\0b"), Err((403, "InvalidClientId"))),
        (bytes(b"\xff\xfe"), Err((403, "InvalidClientId"))),
        // A number is a double, a boolean a byte, a list pairs.
        (bytes(&1234.5_f64.to_le_bytes()), Err((403, "InvalidClientId"))),
        (bytes(&[1]), Err((403, "InvalidClientId"))),
        (bytes(&[1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, b'a', 0, 0]), Err((403, "InvalidClientId"))),
        (bytes(b""), Err((401, "Unauthenticated"))),
        (Some(Property::Unserializable), Err((401, "Unauthenticated"))),
        (None, Err((401, "Unauthenticated"))),
    ];
    let certificate = &["connection", "uri_san_peer_certificate"][..];
    for (value, expected) in rows {
        for (configuration, path) in [(TOKEN, None), (CERTIFICATE, Some(certificate))] {
            let host = configured(configuration);
            match path {
                None => set_claim(&host, &["oid"], value.clone()),
                Some(path) => host.set_property(path, value.clone()),
            }
            let outcome = host.send(&seed()).unwrap();
            match expected {
                Ok(expected) => {
                    let expected = if *expected == "x" { "x".repeat(256) } else { (*expected).to_owned() };
                    assert!(is_sent(&outcome), "{value:?}");
                    assert_eq!(client_id(&outcome), Some(expected), "{value:?}");
                }
                Err((expected_status, expected_code)) => {
                    assert_eq!(status(&outcome), Some(*expected_status), "{value:?}");
                    assert_eq!(code(&outcome.local_reply.unwrap()), *expected_code, "{value:?}");
                    assert_eq!(outcome.upstream.fields, None, "{value:?}");
                }
            }
        }
    }
}

#[test]
fn the_first_claim_that_is_there_counts() {
    let host = configured(TOKEN);
    let rows: &[(&[&str], Option<&str>, Option<&str>)] = &[
        (&["realm", "id"], Some("nested"), Some("nested")),
        (&["sub"], Some("subject"), Some("subject")),
        (&["oid"], Some("object"), Some("object")),
        (&["sub"], None, Some("object")),
        (&["oid"], None, Some("nested")),
        (&["realm", "id"], None, None),
    ];
    for (claim, value, expected) in rows {
        set_claim(&host, claim, value.map(Property::from));
        let outcome = host.send(&seed()).unwrap();
        assert_eq!(client_id(&outcome).as_deref(), *expected, "{claim:?}");
    }
}

#[test]
fn a_claim_of_null_is_passed_over() {
    let host = configured(TOKEN);
    set_claim(&host, &["oid"], Some(Property::Unserializable));
    set_claim(&host, &["sub"], Some("subject".into()));
    assert_eq!(client_id(&host.send(&seed()).unwrap()).as_deref(), Some("subject"));
}

#[test]
fn a_client_cannot_name_itself() {
    let forged = seed().field("x-mqtt-client-id", "root").field("x-mqtt-client-id", "root");
    let rows = [(TOKEN, Some("me")), (NOBODY, None)];
    for (configuration, expected) in rows {
        let host = configured(configuration);
        set_claim(&host, &["oid"], Some("me".into()));
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
    set_claim(&host, &["oid"], Some("secret\u{7}identity".into()));
    let reply = host.send(&seed().field("authorization", "Bearer secret")).unwrap().local_reply.unwrap();
    let body = String::from_utf8(reply.body).unwrap();
    assert!(!body.contains("secret"), "{body}");
}
