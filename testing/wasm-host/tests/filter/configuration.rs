//! Configurations, missing and wrong: a refusal names the field and what was expected.

use serde_json::{Value, json};
use wasm_host::{ConfigurationError, Host, LogLevel};

use super::{is_sent, seed, set_claims, start, status};

/// A configuration in which every field is set.
fn complete() -> Value {
    json!({
        "path": "/mqtt/messages",
        "retainedPath": "/mqtt/retainedMessages",
        "apiVersions": ["2025-02-15-preview"],
        "limits": {
            "profile": "azure",
            "topicBytes": 256,
            "topicSegments": 15,
            "responseTopicBytes": 256,
            "correlationDataBytes": 256,
            "userPropertiesBytes": 32768,
            "contentTypeBytes": 256,
            "messageExpirySeconds": 4_294_967_295_u32,
            "payloadBytes": 524_288
        },
        "unknownParameters": "refuse",
        "retainedMessages": "on",
        "heldBatchBytes": 1_048_576,
        "clientId": { "from": "jwt", "metadataKey": "jwt", "claims": ["oid", ["realm", "sub"]] },
        "permissions": {
            "clientGroups": [{
                "name": "pumps",
                "conditions": [
                    { "claim": "kind", "equals": "pump" },
                    { "claim": "roles", "contains": "publisher" },
                    { "claim": "site", "anyOf": ["north", "south"] },
                    { "claim": "suspended", "exists": false }
                ]
            }],
            "topicSpaces": [{ "name": "devices", "templates": ["devices/${client.authenticationName}/#"] }],
            "permissionBindings": [
                { "name": "b", "clientGroup": "pumps", "topicSpace": "devices", "permission": "publisher" }
            ]
        },
        "routing": {
            "routes": [{ "filters": ["devices/#"], "cluster": "devices" }],
            "defaultCluster": "others"
        },
        "enrichment": [{ "key": "who", "value": "${client.authenticationName}" }]
    })
}

/// What the filter's log says about a configuration that it refuses.
fn refusal(json: impl AsRef<[u8]>) -> Option<String> {
    match start().configure(json) {
        Ok(()) => None,
        Err(ConfigurationError::Refused(errors)) => Some(errors.join("\n")),
        Err(ConfigurationError::Trapped(trap)) => panic!("{trap}"),
    }
}

/// The places of every value, as JSON pointers; the configuration itself is `""`.
fn places(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, child)| (name.clone(), child)).collect(),
        Value::Array(elements) => {
            elements.iter().enumerate().map(|(index, child)| (index.to_string(), child)).collect()
        }
        _ => Vec::new(),
    };
    let below = children
        .iter()
        .flat_map(|(step, child)| places(child).into_iter().map(move |place| format!("/{step}{place}")));
    std::iter::once(String::new()).chain(below).collect()
}

/// The complete configuration with another value in one place.
fn with(place: &str, value: Value) -> Value {
    let mut configuration = complete();
    *configuration.pointer_mut(place).unwrap() = value;
    configuration
}

/// The name of the field at a place: its last step that is no index.
fn field(place: &str) -> &str {
    place.rsplit('/').find(|step| step.parse::<usize>().is_err()).unwrap_or_default()
}

#[test]
fn a_configuration_in_which_every_field_is_set_is_taken() {
    assert_eq!(refusal(complete().to_string()), None);
}

#[test]
fn the_complete_configuration_has_every_field_there_is() {
    let mut missing = Vec::new();
    for place in places(&complete()) {
        let configuration = complete();
        let Some(Value::Object(members)) = configuration.pointer(&place) else { continue };
        let mut members = members.clone();
        members.insert("surplus".to_owned(), json!(1));
        let reason = refusal(with(&place, Value::Object(members.clone())).to_string()).unwrap_or_default();
        assert!(
            reason.contains("`surplus`"),
            "{place}: an unknown field has to be refused by its name: {reason}"
        );
        let known = reason.split("expected").nth(1).unwrap_or_default();
        let known = known.split('`').skip(1).step_by(2);
        missing.extend(known.filter(|name| !is_set(name, &place)).map(|name| format!("{place}/{name}")));
    }
    assert_eq!(missing, [""; 0]);
}

/// Whether a field is set at a place, or beside it where it is an element of a list: a condition has one test of four.
fn is_set(name: &str, place: &str) -> bool {
    let is_index = |step: &str| step.parse::<usize>().is_ok();
    let place: Vec<&str> = place.split('/').collect();
    places(&complete()).iter().any(|known| {
        let known: Vec<&str> = known.split('/').collect();
        known.len() == place.len() + 1
            && known.last() == Some(&name)
            && known
                .iter()
                .zip(&place)
                .all(|(known, step)| known == step || is_index(known) && is_index(step))
    })
}

#[test]
fn a_value_of_another_kind_is_refused_by_its_field_and_what_was_expected() {
    let mut violations = Vec::new();
    for place in places(&complete()) {
        // A number with a fraction, a text of a control character and a list of lists can be meant nowhere.
        for wrong in [json!(-0.5), json!("\u{1}"), json!([[[]]]), json!({}), json!(null)] {
            let has_no_required_fields = matches!(place.as_str(), "" | "/limits");
            let is_scalar = place.ends_with("/equals");
            if wrong == json!({}) && has_no_required_fields || wrong == json!(-0.5) && is_scalar {
                continue;
            }
            if wrong == json!("\u{1}") && is_free_text(&place) {
                continue;
            }
            let given = with(&place, wrong.clone()).to_string();
            match refusal(&given) {
                None => violations.push(format!("{place} = {wrong} is taken")),
                Some(reason) if !names(&reason, field(&place)) => {
                    violations.push(format!("{place} = {wrong}: the field is not named: {reason}"));
                }
                Some(reason) if !says_what_is_right(&reason) => {
                    violations.push(format!("{place} = {wrong}: what was expected is not said: {reason}"));
                }
                Some(_) => {}
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn an_object_is_not_written_as_an_array_nor_a_name_as_an_object() {
    let mut violations = Vec::new();
    for place in places(&complete()) {
        let (other, expected) = match complete().pointer(&place) {
            Some(Value::Object(members)) => (members.values().cloned().collect(), "expected an object"),
            Some(Value::String(name)) => (json!({ name: null }), "expected"),
            _ => continue,
        };
        let reason = refusal(with(&place, other).to_string());
        if !reason.as_ref().is_some_and(|reason| reason.contains(expected)) {
            violations.push(format!("{place}: {reason:?}"));
        }
    }
    assert_eq!(violations, [""; 0]);
}

/// Whether the field is named: as it is written, or in words (`topicSpace`, a topic space; `claims`, a claim).
fn names(reason: &str, field: &str) -> bool {
    let words = field.trim_end_matches('s').chars().flat_map(|letter| {
        let is_capital = letter.is_ascii_uppercase();
        is_capital.then_some(' ').into_iter().chain([letter.to_ascii_lowercase()])
    });
    let is_template = field == "filters" && reason.contains("template");
    reason.contains(field) || reason.contains(&words.collect::<String>()) || is_template
}

/// The words in which a refusal says what would be right.
const RIGHT: [&str; 9] = [
    "expected",
    "missing field",
    "there is no",
    "a name is",
    "a key is",
    "a value has",
    "a condition has",
    "a condition's claim has",
    "no topic can have",
];

fn says_what_is_right(reason: &str) -> bool {
    RIGHT.iter().any(|phrase| reason.contains(phrase))
}

/// Values that are compared with claims: any text may be one.
fn is_free_text(place: &str) -> bool {
    ["equals", "contains", "anyOf", "claim", "claims", "metadataKey"].contains(&field(place))
}

#[test]
fn a_field_that_is_given_twice_is_refused_by_its_name() {
    for text in [
        r#"{"path": "/a", "path": "/b"}"#,
        r#"{"limits": {"topicBytes": 1, "topicBytes": 2}}"#,
        r#"{"clientId": {"from": "none", "from": "jwt"}}"#,
    ] {
        let reason = refusal(text).unwrap_or_default();
        assert!(reason.contains("duplicate field"), "{text}: {reason}");
    }
}

#[test]
fn what_is_no_configuration_at_all_is_refused() {
    let deep = "[".repeat(100_000);
    let deep_path = format!(r#"{{"path": {deep}"#);
    let rows: &[&[u8]] = &[
        b"not json",
        b"[]",
        b"null",
        b"7",
        b"\"{}\"",
        b"{",
        b"{}}",
        b"{} {}",
        b"\xff\xfe{}",
        b"{\"path\": \"\xff\"}",
        b"\0",
        b"{\"path\": \"/a\"\0}",
        deep.as_bytes(),
        deep_path.as_bytes(),
    ];
    for given in rows {
        let reason = refusal(given).unwrap_or_else(|| panic!("{} is taken", given.escape_ascii()));
        assert!(reason.starts_with("postmqtt: the configuration is wrong: "), "{reason}");
        assert!(reason.len() < 1_000, "{}", reason.len());
    }
}

#[test]
fn no_configuration_is_azures_limits_and_the_claim_oid() {
    for given in ["", "{}", " {} "] {
        let host = start();
        host.configure(given).unwrap();
        assert_eq!(status(&host.send(&seed()).unwrap()), Some(401), "{given:?}");
        set_claims(&host, &json!({ "oid": "me" }));
        assert!(is_sent(&host.send(&seed()).unwrap()), "{given:?}");
    }
}

#[test]
fn a_refused_configuration_leaves_the_one_before_in_force() {
    let host = start();
    host.configure(super::OPEN).unwrap();
    for wrong in ["{", r#"{"path": 7}"#, r#"{"clientId": {"from": "header"}}"#] {
        assert!(matches!(host.configure(wrong), Err(ConfigurationError::Refused(_))), "{wrong}");
        assert!(is_sent(&host.send(&seed()).unwrap()));
    }
}

#[test]
fn a_configuration_of_a_mebibyte_is_read() {
    let binding =
        |index: usize| json!({ "name": format!("b{index}"), "clientGroup": "$all", "topicSpace": "s" });
    let templates: Vec<String> =
        (0..30_000).map(|index| format!("devices/{index}/${{client.authenticationName}}/#")).collect();
    let configuration = json!({
        "clientId": { "from": "none" },
        "permissions": {
            "topicSpaces": [{ "name": "s", "templates": templates }],
            "permissionBindings": (0..100).map(binding).collect::<Vec<_>>()
        }
    });
    let configuration = configuration.to_string();
    assert!(configuration.len() > 1024 * 1024);
    assert_eq!(refusal(&configuration), None);
}

#[test]
fn a_configuration_that_is_taken_logs_no_error() {
    let host: Host = start();
    host.configure(complete().to_string()).unwrap();
    let log = host.take_log();
    assert!(log.iter().all(|line| line.level <= LogLevel::Info), "{log:?}");
}
