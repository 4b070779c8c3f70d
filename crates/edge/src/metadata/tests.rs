use super::*;
use proptest::prelude::*;
use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use serde_json::{Value as Json, json};

/// Envoy's message, as far as it matters here.
#[derive(prost::Message)]
struct Metadata {
    #[prost(btree_map = "string, message", tag = "1")]
    filter_metadata: std::collections::BTreeMap<String, Struct>,
}

fn to_struct(object: &serde_json::Map<String, Json>) -> Struct {
    Struct { fields: object.iter().map(|(name, value)| (name.clone(), to_value(value))).collect() }
}

fn to_value(json: &Json) -> prost_types::Value {
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(boolean) => Kind::BoolValue(*boolean),
        Json::Number(number) => Kind::NumberValue(number.as_f64().unwrap()),
        Json::String(text) => Kind::StringValue(text.clone()),
        Json::Array(values) => Kind::ListValue(ListValue { values: values.iter().map(to_value).collect() }),
        Json::Object(object) => Kind::StructValue(to_struct(object)),
    };
    prost_types::Value { kind: Some(kind) }
}

/// What Envoy holds after `jwt_authn` verified a token with these claims.
fn metadata(claims: Json) -> Vec<u8> {
    let token = json!({ "jwt": claims, "other": "x" });
    let other = json!({ "jwt": { "oid": "forged" } });
    let filter_metadata = [("a.filter", other), (JWT_AUTHN, token)]
        .map(|(name, value)| (name.to_owned(), to_struct(value.as_object().unwrap())));
    Metadata { filter_metadata: filter_metadata.into() }.encode_to_vec()
}

#[test]
fn a_claim_keeps_its_type() {
    let metadata = metadata(json!({
        "oid": "55f4a7ee", "empty": "", "level": 3, "spelling": 2_261_634.509_803_921_4, "yes": true, "no": false,
        "nothing": null, "roles": ["a", 7, null, "b"], "none": [], "access": { "level": 4, "name": "x", "gone": null },
    }));
    let token = TokenMetadata::new(&metadata, "jwt");
    let at = |name: &str| ClaimPath::named(name);
    let nested = |json: &str| serde_json::from_str::<ClaimPath>(json).unwrap();

    assert_eq!(token.text(&at("oid")).as_deref(), Some("55f4a7ee"));
    assert_eq!(token.number(&at("oid")), None);
    assert_eq!(token.text(&at("spelling")), None);
    assert_eq!(token.number(&at("level")), Some(3.0));
    assert_eq!(token.boolean(&at("yes")), Some(true));
    assert_eq!(token.boolean(&at("no")), Some(false));
    assert_eq!(token.boolean(&at("level")), None);
    assert_eq!(token.list(&at("roles")), Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(token.list(&at("none")), Some(Vec::new()));
    assert_eq!(token.list(&at("oid")), None);
    assert_eq!(token.number(&nested(r#"["access","level"]"#)), Some(4.0));
    assert_eq!(token.text(&nested(r#"["access","name","deeper"]"#)), None);

    let rows = [
        ("\"oid\"", Presence::Present),
        ("\"no\"", Presence::Present),
        ("\"none\"", Presence::Present),
        ("\"access\"", Presence::Present),
        ("\"empty\"", Presence::Absent),
        ("\"missing\"", Presence::Absent),
        ("\"nothing\"", Presence::Null),
        (r#"["access","gone"]"#, Presence::Null),
        (r#"["access","missing"]"#, Presence::Absent),
    ];
    for (path, expected) in rows {
        assert_eq!(token.presence(&nested(path)), expected, "{path}");
    }
}

#[test]
fn without_a_token_there_are_no_claims() {
    let metadata = metadata(json!({ "oid": "x" }));
    for (metadata, key) in [(&b""[..], "jwt"), (&metadata, "another"), (&metadata, "other")] {
        let token = TokenMetadata::new(metadata, key);
        assert_eq!(token.text(&ClaimPath::named("oid")), None);
        assert_eq!(token.presence(&ClaimPath::named("oid")), Presence::Absent);
    }
}

#[test]
fn nothing_is_built_on_bytes_that_are_no_message() {
    let whole = metadata(json!({ "oid": "x" }));
    for end in 1..whole.len() {
        let token = TokenMetadata::new(&whole[..end], "jwt");
        assert_eq!(token.text(&ClaimPath::named("oid")), None, "{end}");
    }
    let token = TokenMetadata::new(b"\xff", "jwt");
    assert_eq!(token.presence(&ClaimPath::named("oid")), Presence::Null);
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i32>().prop_map(Json::from),
        "[a-zä]{0,9}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::btree_map("[a-c]", inner, 0..4)
                .prop_map(|object| Json::Object(object.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn it_reads_what_a_library_would_read(
        claims in proptest::collection::btree_map("[a-c]", any_json(), 0..4),
        path in proptest::collection::vec("[a-c]", 1..3),
    ) {
        let claims = Json::Object(claims.into_iter().collect());
        let expected = path.iter().try_fold(&claims, |value, name| value.get(name)).cloned();
        let path: ClaimPath = serde_json::from_value(json!(path)).unwrap();
        let metadata = metadata(claims);
        let token = TokenMetadata::new(&metadata, "jwt");
        prop_assert_eq!(token.text(&path), expected.as_ref().and_then(Json::as_str).map(str::to_owned));
        prop_assert_eq!(token.number(&path), expected.as_ref().and_then(Json::as_f64));
        prop_assert_eq!(token.boolean(&path), expected.as_ref().and_then(Json::as_bool));
        let texts = expected.as_ref().and_then(Json::as_array).map(|values| {
            values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect::<Vec<_>>()
        });
        prop_assert_eq!(token.list(&path), texts);
    }

    #[test]
    fn no_bytes_make_it_panic(metadata: Vec<u8>, payload: Vec<u8>) {
        let path = ClaimPath::named("a");
        let token = Ok(Some(0..payload.len()));
        for token in [TokenMetadata::new(&metadata, "jwt"), TokenMetadata { metadata: &payload, token }] {
            let _ = (token.text(&path), token.list(&path), token.presence(&path));
        }
    }
}
