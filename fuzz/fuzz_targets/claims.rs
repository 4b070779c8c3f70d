//! The claims of a token in Envoy's metadata. Any bytes are read without a panic; for bytes that are JSON, the metadata of
//! that JSON gives what serde_json reads.
#![no_main]

#[expect(dead_code, reason = "the host encodes single values too")]
#[path = "../../testing/wasm-host/src/metadata.rs"]
mod metadata;

use edge::TokenMetadata;
use libfuzzer_sys::fuzz_target;
use policy::{ClaimPath, Claims, Presence};
use serde_json::{Value, json};

fuzz_target!(|bytes: &[u8]| {
    let broken = TokenMetadata::new(bytes, "jwt");
    for name in ["oid", ""] {
        let claim = ClaimPath::named(name);
        let _ = (broken.text(&claim), broken.number(&claim), broken.boolean(&claim));
        let _ = (broken.list(&claim), broken.presence(&claim));
    }
    if let Ok(claims @ Value::Object(_)) = serde_json::from_slice(bytes) {
        let others = json!({ "jwt": "not this", "oid": "nor this" });
        let encoded = metadata::encode(&json!({
            "envoy.filters.http.jwt_authn": { "jwt": claims, "oid": "nor this" },
            "other": others,
        }));
        compare(&TokenMetadata::new(encoded.as_slice(), "jwt"), &claims, &mut Vec::new());
    }
});

/// Compares every claim below `value`, which is at `path`, and one that does not exist.
fn compare(token: &TokenMetadata<&[u8]>, value: &Value, path: &mut Vec<String>) {
    let Value::Object(members) = value else { return };
    for (name, member) in members {
        path.push(name.clone());
        check(token, member, path);
        compare(token, member, path);
        path.pop();
    }
    path.push("missing".to_owned());
    if !members.contains_key("missing") {
        assert_eq!(token.presence(&claim(path)), Presence::Absent);
    }
    path.pop();
}

fn check(token: &TokenMetadata<&[u8]>, value: &Value, path: &[String]) {
    let claim = claim(path);
    assert_eq!(token.text(&claim).as_deref(), value.as_str(), "{path:?}");
    assert_eq!(token.number(&claim), value.as_f64(), "{path:?}");
    assert_eq!(token.boolean(&claim), value.as_bool(), "{path:?}");
    let texts =
        |list: &Vec<Value>| list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(token.list(&claim), value.as_array().map(texts), "{path:?}");
    let presence = match value {
        Value::Null => Presence::Null,
        Value::String(text) if text.is_empty() => Presence::Absent,
        _ => Presence::Present,
    };
    assert_eq!(token.presence(&claim), presence, "{path:?}");
}

fn claim(path: &[String]) -> ClaimPath {
    serde_json::from_value(json!(path)).expect("names are a claim")
}
