use super::*;
use crate::claim::{ClaimPath, Claims, NoClaims, Presence};
use serde_json::{Value, json};

/// The claims of a decoded token.
struct Token(Value);

impl Token {
    fn at(&self, path: &ClaimPath) -> Option<&Value> {
        path.names().try_fold(&self.0, |value, name| value.get(name)).filter(|value| !value.is_null())
    }
}

impl Claims for Token {
    fn text(&self, path: &ClaimPath) -> Option<String> {
        self.at(path)?.as_str().map(str::to_owned)
    }
    fn number(&self, path: &ClaimPath) -> Option<f64> {
        self.at(path)?.as_f64()
    }
    fn boolean(&self, path: &ClaimPath) -> Option<bool> {
        self.at(path)?.as_bool()
    }
    fn list(&self, path: &ClaimPath) -> Option<Vec<String>> {
        self.at(path)?.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
    }
    fn presence(&self, path: &ClaimPath) -> Presence {
        match path.names().try_fold(&self.0, |value, name| value.get(name)) {
            None => Presence::Absent,
            Some(Value::Null) => Presence::Null,
            Some(_) => Presence::Present,
        }
    }
}

fn compile(document: Value) -> Result<Permissions, String> {
    let document: PermissionsDocument =
        serde_json::from_value(document).map_err(|error| error.to_string())?;
    Permissions::compile(document).map_err(|error| error.to_string())
}

fn factory() -> Value {
    json!({
        "clientGroups": [
            { "name": "operators", "conditions": [{ "claim": "roles", "contains": "operator" }] },
            { "name": "gold-eu", "conditions": [
                { "claim": "tier", "equals": "gold" },
                { "claim": "region", "anyOf": ["de", "fr"] },
            ] },
            { "name": "level-3", "conditions": [{ "claim": ["access", "level"], "equals": 3 }] },
            { "name": "beta", "conditions": [{ "claim": "beta", "equals": true }] },
            { "name": "mailed", "conditions": [{ "claim": "email", "exists": true }, { "claim": "banned", "exists": false }] },
        ],
        "topicSpaces": [
            { "name": "own", "templates": ["clients/${client.authenticationName}/#"] },
            { "name": "machines", "templates": ["machines/+/command", "machines/all"] },
            { "name": "gold", "templates": ["gold/#"] },
            { "name": "levels", "templates": ["levels/#"] },
            { "name": "beta", "templates": ["beta/#"] },
            { "name": "mail", "templates": ["mail/#"] },
            { "name": "lonely", "templates": ["lonely"] },
        ],
        "permissionBindings": [
            { "name": "own", "clientGroup": "$all", "topicSpace": "own", "permission": "publisher" },
            { "name": "operate", "clientGroup": "operators", "topicSpace": "machines" },
            { "name": "gold", "clientGroup": "gold-eu", "topicSpace": "gold" },
            { "name": "levels", "clientGroup": "level-3", "topicSpace": "levels" },
            { "name": "beta", "clientGroup": "beta", "topicSpace": "beta" },
            { "name": "mail", "clientGroup": "mailed", "topicSpace": "mail" },
        ],
    })
}

#[test]
fn a_binding_permits_publishing_or_reading_and_a_filter_only_if_all_that_it_matches_is_permitted() {
    let document = json!({
        "topicSpaces": [
            { "name": "own", "templates": ["clients/${client.authenticationName}/#"] },
            { "name": "sites", "templates": ["sites/+/state"] },
        ],
        "permissionBindings": [
            { "name": "write-own", "clientGroup": "$all", "topicSpace": "own", "permission": "publisher" },
            { "name": "read-own", "clientGroup": "$all", "topicSpace": "own", "permission": "subscriber" },
            { "name": "read-sites", "clientGroup": "$all", "topicSpace": "sites", "permission": "subscriber" },
        ],
    });
    let permissions = Permissions::compile(serde_json::from_value(document).unwrap()).unwrap();
    let client = Client { authentication_name: Some("me"), claims: &NoClaims };
    let name = |verdict| match verdict {
        Verdict::Permitted { binding } => Some(binding),
        Verdict::Refused(_) => None,
    };
    let rows = [
        ("clients/me/a", Some("write-own"), Some("read-own")),
        ("clients/me/#", Some("write-own"), Some("read-own")),
        ("clients/+/a", None, None),
        ("clients/you/a", None, None),
        ("sites/a/state", None, Some("read-sites")),
        ("sites/+/state", None, Some("read-sites")),
        ("sites/#", None, None),
        ("#", None, None),
    ];
    for (topic, publishing, reading) in rows {
        assert_eq!(name(permissions.judge(topic, &client)), publishing, "{topic}");
        assert_eq!(name(permissions.judge_reading(topic, &client)), reading, "{topic}");
    }
}

#[test]
fn a_binding_lets_its_group_publish_to_its_topic_space() {
    let permissions = compile(factory()).unwrap();
    let rows = [
        ("clients/me/x", json!({}), Some("own")),
        ("clients/you/x", json!({}), None),
        ("machines/7/command", json!({ "roles": ["viewer", "operator"] }), Some("operate")),
        ("machines/7/command", json!({ "roles": ["viewer"] }), None),
        ("machines/7/command", json!({ "roles": "operator" }), None),
        ("machines/7/command", json!({ "roles": ["operators"] }), None),
        ("machines/7/other", json!({ "roles": ["operator"] }), None),
        ("gold/x", json!({ "tier": "gold", "region": "fr" }), Some("gold")),
        ("gold/x", json!({ "tier": "gold", "region": "us" }), None),
        ("gold/x", json!({ "tier": "gold" }), None),
        ("levels/x", json!({ "access": { "level": 3 } }), Some("levels")),
        ("levels/x", json!({ "access": { "level": 3.5 } }), None),
        ("levels/x", json!({ "access": { "level": "3" } }), None),
        ("levels/x", json!({ "access.level": 3 }), None),
        ("beta/x", json!({ "beta": true }), Some("beta")),
        ("beta/x", json!({ "beta": "true" }), None),
        ("mail/x", json!({ "email": "a@b" }), Some("mail")),
        ("mail/x", json!({ "email": null }), None),
        ("mail/x", json!({ "email": "a@b", "banned": false }), None),
        ("mail/x", json!({ "email": "a@b", "banned": null }), None),
        ("lonely", json!({}), None),
        ("unheard/of", json!({}), None),
    ];
    for (topic, claims, expected) in rows {
        let token = Token(claims);
        let client = Client { authentication_name: Some("me"), claims: &token };
        let binding = match permissions.judge(topic, &client) {
            Verdict::Permitted { binding } => Some(binding),
            Verdict::Refused(_) => None,
        };
        assert_eq!(binding, expected, "{topic} {}", token.0);
    }
}

#[test]
fn a_refusal_names_the_spaces_and_groups_concerned() {
    let permissions = compile(factory()).unwrap();
    let client = Client { authentication_name: Some("me"), claims: &NoClaims };
    let rows = [
        ("unheard/of", "the topic matches no topic space"),
        ("lonely", "the topic matches lonely, to which no client group is bound"),
        (
            "machines/all",
            "the topic matches machines, but the client is in none of the client groups bound to it: operators",
        ),
    ];
    for (topic, expected) in rows {
        let Verdict::Refused(refusal) = permissions.judge(topic, &client) else {
            panic!("{topic} is permitted");
        };
        assert_eq!(refusal.to_string(), expected);
    }
}

#[test]
fn a_refusal_lists_at_most_eight_names() {
    let names: Vec<String> = (0..10_000).map(|index| format!("g{index}")).collect();
    let refusal =
        Refusal::NotInGroup { spaces: vec!["s"], groups: names.iter().map(String::as_str).collect() };
    let text = refusal.to_string();
    assert!(text.ends_with("bound to it: g0, g1, g2, g3, g4, g5, g6, g7 and 9992 more"), "{text}");
}

#[test]
fn a_topic_that_no_template_matches_has_a_closest_template() {
    let permissions = compile(factory()).unwrap();
    let client = Client { authentication_name: Some("me"), claims: &NoClaims };
    assert_eq!(permissions.closest_template("machines/7/comand", &client), Some("machines/+/command"));
    assert_eq!(permissions.closest_template("unheard/of", &client), None);
}

#[test]
fn a_verdict_names_the_first_binding_of_the_configuration() {
    let permissions = compile(json!({
        "topicSpaces": [{ "name": "b", "templates": ["t"] }, { "name": "a", "templates": ["#", "+"] }],
        "permissionBindings": [
            { "name": "first", "clientGroup": "$all", "topicSpace": "a" },
            { "name": "second", "clientGroup": "$all", "topicSpace": "b" },
        ],
    }))
    .unwrap();
    let client = Client { authentication_name: None, claims: &NoClaims };
    assert_eq!(permissions.judge("t", &client), Verdict::Permitted { binding: "first" });
}

#[test]
fn an_invalid_policy_is_refused_with_the_name_of_the_part() {
    let space = json!([{ "name": "s", "templates": ["a"] }]);
    let with_groups =
        |groups: Value| json!({ "clientGroups": groups, "topicSpaces": space, "permissionBindings": [] });
    let with_bindings = |bindings: Value| json!({ "topicSpaces": space, "permissionBindings": bindings });
    let rows = [
        (
            with_groups(json!([{ "name": "g", "conditions": [] }])),
            "client group \"g\": at least one condition",
        ),
        (
            with_groups(json!([{ "name": "$all", "conditions": [] }])),
            "client group \"$all\": the name is taken",
        ),
        (
            with_groups(json!([{ "name": "g h", "conditions": [] }])),
            "client group \"g h\": a name is made of",
        ),
        (
            with_groups(json!([{ "name": "g", "conditions": [{ "claim": "c" }] }])),
            "client group \"g\": a condition has just one",
        ),
        (
            with_groups(
                json!([{ "name": "g", "conditions": [{ "claim": "c", "equals": "x", "exists": true }] }]),
            ),
            "client group \"g\": a condition has just one",
        ),
        (
            with_groups(json!([{ "name": "g", "conditions": [{ "claim": "", "exists": true }] }])),
            "client group \"g\": a condition's claim has a name",
        ),
        (
            with_groups(json!([{ "name": "g", "conditions": [{ "claim": "c", "equal": 1 }] }])),
            "unknown field `equal`",
        ),
        (
            with_bindings(json!([{ "name": "b", "clientGroup": "g", "topicSpace": "s" }])),
            "there is no client group \"g\"",
        ),
        (
            with_bindings(json!([{ "name": "b", "clientGroup": "$all", "topicSpace": "t" }])),
            "there is no topic space \"t\"",
        ),
        (
            with_bindings(
                json!([{ "name": "b", "clientGroup": "$all", "topicSpace": "s", "permission": "reader" }]),
            ),
            "unknown variant `reader`",
        ),
        (
            json!({ "topicSpaces": [{ "name": "s", "templates": ["a/#/b"] }], "permissionBindings": [] }),
            "topic space \"s\": template \"a/#/b\"",
        ),
        (json!({ "permissionBindings": [] }), "missing field `topicSpaces`"),
    ];
    for (document, expected) in rows {
        let error = compile(document.clone()).unwrap_err();
        assert!(error.contains(expected), "{document}: {error}");
    }
}
