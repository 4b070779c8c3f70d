//! Who publishes: tokens, certificates, and what they permit.

use envoy_module::abi::Attribute;
use native_host::{Fault, Step, take_log};

use crate::support::{config, publish, refusal, refused};

const BY_TOKEN: &str =
    r#"{"clientId": {"from": "jwt", "metadataKey": "jwt", "claims": ["oid", ["app", "id"]]}}"#;
const BY_CERTIFICATE: &str = r#"{"clientId": {"from": "certificate"}}"#;
const TARGET: &str = "/mqtt/messages?topic=a";

#[test]
fn the_first_claim_that_is_there_names_the_client() {
    let rows: &[(&str, Result<&str, (u32, &str)>)] = &[
        (r#"{"oid":"pump-7"}"#, Ok("pump-7")),
        (r#"{"app":{"id":"reader"}}"#, Ok("reader")),
        (r#"{"oid":"","app":{"id":"reader"}}"#, Ok("reader")),
        (r#"{"oid":null,"app":{"id":"reader"}}"#, Ok("reader")),
        (r#"{"oid":"p\u0075mp\t","app":{}}"#, Err((403, "InvalidClientId"))),
        (r#"{"oid":"p\u0075mp"}"#, Ok("pump")),
        (r#"{"oid":7}"#, Err((403, "InvalidClientId"))),
        (r#"{"app":"id"}"#, Err((401, "Unauthenticated"))),
        ("{}", Err((401, "Unauthenticated"))),
        ("[]", Err((500, "EdgeFailure"))),
        ("-", Err((500, "EdgeFailure"))),
        (r#"{"oid":"pump-7""#, Err((500, "EdgeFailure"))),
        ("", Err((500, "EdgeFailure"))),
    ];
    let config = config(BY_TOKEN);
    for (claims, expected) in rows {
        let mut stream = publish(&config, TARGET);
        stream.verified_token().filter_state("postmqtt.claims.jwt", claims);
        let step = stream.head(true);
        match expected {
            Ok(name) => {
                assert_eq!((step, refusal(&stream)), (Step::Continues, None), "{claims}");
                assert_eq!(stream.value("x-mqtt-client-id").as_deref(), Some(*name), "{claims}");
            }
            Err((status, code)) => assert_eq!(refusal(&stream), refused(*status, code), "{claims}"),
        }
    }
}

#[test]
fn a_request_without_a_token_is_refused() {
    let config = config(BY_TOKEN);
    let mut stream = publish(&config, TARGET);
    assert_eq!(stream.head(true), Step::Stops);
    assert_eq!(refusal(&stream), refused(401, "Unauthenticated"));
}

#[test]
fn claims_that_no_filter_hands_over_are_the_edges_failure_and_logged_once() {
    let config = config(BY_TOKEN);
    let _ = take_log();
    for _ in 0..2 {
        let mut stream = publish(&config, TARGET);
        stream.verified_token().filter_state("postmqtt.claims.other", r#"{"oid":"pump-7"}"#);
        assert_eq!(stream.head(true), Step::Stops);
        assert_eq!(refusal(&stream), refused(500, "EdgeFailure"));
    }
    let lines = take_log();
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert!(line.text.contains("filter state postmqtt.claims.jwt"), "{}", line.text);
}

#[test]
fn claims_that_envoy_does_not_show_are_its_failure() {
    let config = config(BY_TOKEN);
    let mut stream = publish(&config, TARGET);
    stream.verified_token().filter_state("postmqtt.claims.jwt", r#"{"oid":"pump-7"}"#);
    assert_eq!(stream.fault(Fault::NullFilterState).head(true), Step::Stops);
    assert_eq!(refusal(&stream), refused(500, "EdgeFailure"));
}

#[test]
fn conditions_see_the_types_of_claims() {
    let permits = |condition: &str, claims: &str| {
        let config = config(&format!(
            r#"{{"clientId": {{"from": "jwt", "metadataKey": "jwt", "claims": ["oid"]}}, "permissions": {{
                "topicSpaces": [{{"name": "all", "templates": ["+"]}}],
                "clientGroups": [{{"name": "some", "conditions": [{condition}]}}],
                "permissionBindings": [{{"name": "some-all", "clientGroup": "some", "topicSpace": "all"}}]
            }}}}"#
        ));
        let mut stream = publish(&config, TARGET);
        stream.verified_token().filter_state("postmqtt.claims.jwt", claims);
        stream.head(true) == Step::Continues
    };
    let claims = r#"{"oid":"pump-7","site":"north","level":3,"ratio":-0.5,"on":true,"none":null,"blank":"",
        "roles":["reader",7,"writ\u0065r"],"realm":{"roles":["admin"],"tenant":{"id":"t1"}}}"#;
    let rows = [
        (r#"{"claim": "site", "equals": "north"}"#, true),
        (r#"{"claim": "site", "equals": "south"}"#, false),
        (r#"{"claim": "site", "anyOf": ["south", "north"]}"#, true),
        (r#"{"claim": "level", "equals": 3}"#, true),
        (r#"{"claim": "level", "equals": "3"}"#, false),
        (r#"{"claim": "ratio", "equals": -0.5}"#, true),
        (r#"{"claim": "on", "equals": true}"#, true),
        (r#"{"claim": "on", "equals": 1}"#, false),
        (r#"{"claim": "roles", "contains": "writer"}"#, true),
        (r#"{"claim": "roles", "contains": "7"}"#, false),
        (r#"{"claim": ["realm", "roles"], "contains": "admin"}"#, true),
        (r#"{"claim": ["realm", "tenant", "id"], "equals": "t1"}"#, true),
        (r#"{"claim": ["realm", "tenant", "id", "x"], "exists": true}"#, false),
        (r#"{"claim": "realm", "exists": true}"#, true),
        (r#"{"claim": "blank", "exists": true}"#, false),
        (r#"{"claim": "blank", "exists": false}"#, true),
        (r#"{"claim": "none", "exists": true}"#, false),
        (r#"{"claim": "none", "exists": false}"#, false),
        (r#"{"claim": "absent", "exists": false}"#, true),
    ];
    for (condition, expected) in rows {
        assert_eq!(permits(condition, claims), expected, "{condition}");
    }
}

#[test]
fn the_only_uri_san_names_the_client() {
    let rows: &[(Option<&str>, Option<&str>, Result<&str, (u32, &str)>)] = &[
        (Some("urn:device:pump-7"), Some("urn:device:pump-7"), Ok("urn%3Adevice%3Apump-7")),
        (Some("urn:device:a"), Some("urn:device:a,urn:device:b"), Err((403, "InvalidClientId"))),
        (Some("urn:device:a"), None, Err((500, "EdgeFailure"))),
        (None, None, Err((401, "Unauthenticated"))),
        (Some(""), Some(""), Err((401, "Unauthenticated"))),
    ];
    let config = config(BY_CERTIFICATE);
    for (first, all, expected) in rows {
        let mut stream = publish(&config, TARGET);
        if let Some(first) = first {
            stream.attribute(Attribute::URI_SAN_PEER_CERTIFICATE, first);
        }
        if let Some(all) = all {
            stream.filter_state("postmqtt.peer_uri_sans", all);
        }
        let step = stream.head(true);
        match expected {
            Ok(name) => {
                assert_eq!((step, refusal(&stream)), (Step::Continues, None));
                let field = stream.value("x-mqtt-client-id").unwrap();
                assert_eq!(field, *name);
            }
            Err((status, code)) => assert_eq!(refusal(&stream), refused(*status, code), "{first:?} {all:?}"),
        }
    }
}

#[test]
fn an_attribute_that_envoy_does_not_show_is_its_failure() {
    let config = config(BY_CERTIFICATE);
    let mut stream = publish(&config, TARGET);
    stream.attribute(Attribute::URI_SAN_PEER_CERTIFICATE, "urn:device:pump-7").fault(Fault::HugeAttribute);
    assert_eq!(stream.head(true), Step::Stops);
    assert_eq!(refusal(&stream), refused(500, "EdgeFailure"));
}

#[test]
fn the_source_address_can_be_added_to_messages() {
    let config = config(
        r#"{"clientId": {"from": "none"}, "enrichment": [{"key": "from", "value": "${source.address}"}]}"#,
    );
    let mut stream = publish(&config, TARGET);
    stream.attribute(Attribute::SOURCE_ADDRESS, "[2001:db8::1]:8080");
    assert_eq!(stream.head(true), Step::Continues);
    // [{"from":"2001:db8::1"}]
    assert_eq!(stream.value("mqtt-user-properties").as_deref(), Some("W3siZnJvbSI6IjIwMDE6ZGI4OjoxIn1d"));
}
