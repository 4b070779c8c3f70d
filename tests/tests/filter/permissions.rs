//! Who may publish what, tried by clients that want more: what a claim says, how a topic is spelt, and what the answer
//! tells. A recorder stands in for the bridges: what is refused must not reach it.

use std::sync::OnceLock;

use end_to_end::{Answer, Edge, Protocol, Recorder, Request, config, token};
use rig::dev::token::Token;
use serde_json::{Value, json};

/// An edge with permissions, and what left it.
struct Watched {
    recorder: Recorder,
    edge: Edge,
}

impl Watched {
    fn shared() -> &'static Self {
        static SHARED: OnceLock<Watched> = OnceLock::new();
        SHARED.get_or_init(|| {
            let recorder = Recorder::start();
            let edge = recorder.edge_with("watched", |edge| config::set(edge, "permissions", &permissions()));
            Self { recorder, edge }
        })
    }

    /// Whether a request with this in its target has left the edge.
    fn has_seen(&self, text: &str) -> bool {
        self.recorder.seen().iter().any(|request| request.target.contains(text))
    }
}

fn permissions() -> Value {
    json!({
        "clientGroups": [
            { "name": "operators", "conditions": [{ "claim": "roles", "contains": "operator" }] },
            { "name": "welcome", "conditions": [{ "claim": ["status", "banned"], "exists": false }] },
            { "name": "gold", "conditions": [
                { "claim": "tier", "equals": "gold" },
                { "claim": "region", "anyOf": ["de", "fr"] },
                { "claim": ["access", "level"], "equals": 3 },
                { "claim": "trial", "equals": false },
            ] },
        ],
        "topicSpaces": [
            { "name": "own", "templates": ["clients/${client.authenticationName}/#"] },
            { "name": "site", "templates": ["sites/${client.attributes.site}/in"] },
            { "name": "line", "templates": ["lines/a${client.attributes.line}z/#"] },
            { "name": "machines", "templates": ["machines/#"] },
            { "name": "lobby", "templates": ["lobby"] },
            { "name": "vault", "templates": ["vault/#"] },
            { "name": "lounge", "templates": ["lounge/+/door"] },
        ],
        "permissionBindings": [
            { "name": "everyone-own", "clientGroup": "$all", "topicSpace": "own" },
            { "name": "everyone-site", "clientGroup": "$all", "topicSpace": "site" },
            { "name": "everyone-line", "clientGroup": "$all", "topicSpace": "line" },
            { "name": "operators-machines", "clientGroup": "operators", "topicSpace": "machines" },
            { "name": "welcome-lobby", "clientGroup": "welcome", "topicSpace": "lobby" },
            { "name": "gold-lounge", "clientGroup": "gold", "topicSpace": "lounge", "permission": "publisher" },
        ],
    })
}

fn token_of(claims: &Value) -> String {
    let claims = claims.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
    token::sign(&Token { claims: claims.collect(), ..Token::default() })
}

fn expect_refused(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 403, "{what}: {}", answer.text());
    assert_eq!(answer.expect_problem().code, "NotPermitted", "{what}");
}

#[test]
fn a_claim_does_not_widen_a_template_whatever_it_says() {
    let watched = Watched::shared();
    let long = "x".repeat(8 * 1024);
    // A careless reader may take one of these for a segment, a wildcard, a pattern or a variable.
    let values = [
        json!("+"),
        json!("#"),
        json!("+/#"),
        json!("/"),
        json!("//"),
        json!("berlin/+"),
        json!("/berlin"),
        json!("berlin/in"),
        json!("../berlin"),
        json!("%2B"),
        json!("%23"),
        json!(".*"),
        json!("*"),
        json!("?erlin"),
        json!("${client.authenticationName}"),
        json!("${client.attributes.city}"),
        json!("Berlin"),
        json!("berlin "),
        json!("berlin\u{0}"),
        json!("berlin\n"),
        json!("berl\u{131}n"),
        json!(""),
        json!(long),
        json!("+".repeat(8 * 1024)),
        json!("ä".repeat(4 * 1024)),
        json!(null),
        json!(true),
        json!(7),
        json!(["berlin"]),
        json!({ "site": "berlin" }),
        json!({ "": null }),
    ];
    let topics =
        ["sites/berlin/in", "sites//in", "sites/in", "sites/a/b/in", "lines/aberlinz/1", "lines/a/z"];
    for value in values {
        let token = token_of(&json!({ "oid": "me", "city": "berlin", "site": value, "line": value }));
        for topic in topics {
            let answer = watched.edge.send(Request::publish(topic).token(&token));
            let shown: String = value.to_string().chars().take(40).collect();
            expect_refused(&answer, &format!("{topic} with a claim of {shown}"));
        }
    }
    assert!(!watched.has_seen("topic=sites%2F%2F") && !watched.has_seen("topic=lines%2Faberlin"));
}

#[test]
fn a_client_id_does_not_widen_a_template_whatever_it_says() {
    let watched = Watched::shared();
    let others = ["clients/victim/a", "clients//a", "clients/victim", "clients", "clients/a/victim/a"];
    for oid in
        ["+", "#", "+/#", "/", "victim/", "/victim", "victim/a", "%76ictim", "Victim", "victim ", "a/.."]
    {
        let token = token::of_client(oid);
        for topic in others {
            let answer = watched.edge.send(Request::publish(topic).token(&token));
            expect_refused(&answer, &format!("{topic} by {oid}"));
        }
    }
    assert!(!watched.has_seen("victim"));
}

#[test]
fn a_claim_matches_the_very_text_that_it_is() {
    let watched = Watched::shared();
    let rows = [
        ("berlin", "sites/berlin/in", true),
        ("ä€😀", "sites/ä€😀/in", true),
        ("a b,c;d", "sites/a b,c;d/in", true),
        ("%2F", "sites/%2F/in", true),
        ("..", "sites/../in", true),
        // One letter, or a letter and its accent.
        ("\u{e9}", "sites/\u{e9}/in", true),
        ("\u{e9}", "sites/e\u{301}/in", false),
        ("e\u{301}", "sites/\u{e9}/in", false),
    ];
    for protocol in Protocol::ALL {
        for (site, topic, is_permitted) in rows {
            let token = token_of(&json!({ "oid": "me", "site": site }));
            let answer = watched.edge.at(protocol).send(Request::publish(topic).token(&token));
            if is_permitted {
                answer.expect_published(204);
            } else {
                expect_refused(&answer, topic);
            }
        }
    }
    let token = token_of(&json!({ "oid": "me", "line": "-" }));
    for (topic, status) in
        [("lines/a-z/1", 204), ("lines/a-z", 204), ("lines/az/1", 403), ("lines/a--z", 403)]
    {
        assert_eq!(watched.edge.send(Request::publish(topic).token(&token)).status, status, "{topic}");
    }
}

#[test]
fn a_spelling_of_a_topic_is_permitted_as_what_it_says_and_leaves_as_that() {
    let watched = Watched::shared();
    // As the query has it; as it leaves, or with which code it is refused.
    let rows = [
        ("clients/spell/a", Ok("clients%2Fspell%2Fa")),
        ("clients%2Fspell%2fb", Ok("clients%2Fspell%2Fb")),
        ("clients%2F%73pell%2Fc", Ok("clients%2Fspell%2Fc")),
        // Nothing is a path here: no dots, no double slashes, no case.
        ("clients/spell/../you", Ok("clients%2Fspell%2F..%2Fyou")),
        ("clients/spell//d", Ok("clients%2Fspell%2F%2Fd")),
        ("clients/spell/%252F", Ok("clients%2Fspell%2F%252F")),
        ("clients/spell/e;topic=x", Ok("clients%2Fspell%2Fe%3Btopic%3Dx")),
        ("clients/../clients/spell/a", Err("NotPermitted")),
        ("/clients/spell/a", Err("NotPermitted")),
        ("clients//spell/a", Err("NotPermitted")),
        ("clients/spell", Ok("clients%2Fspell")),
        ("clients/spel", Err("NotPermitted")),
        ("clients/spell2", Err("NotPermitted")),
        ("clients/Spell/a", Err("NotPermitted")),
        ("Clients/spell/a", Err("NotPermitted")),
        ("clients/spell%20/a", Err("NotPermitted")),
        ("clients%252Fspell%252Fa", Err("NotPermitted")),
        ("clients%5Cspell%5Ca", Err("NotPermitted")),
        ("clients%EF%BC%8Fspell%EF%BC%8Fa", Err("NotPermitted")),
        ("clients/%EF%BD%93pell/a", Err("NotPermitted")),
        ("clients%C0%AFspell%C0%AFa", Err("InvalidUtf8")),
        ("clients%E0%80%AFspell/a", Err("InvalidUtf8")),
        ("clients/spell/%ED%A0%80", Err("InvalidUtf8")),
        ("clients/spell%00/a", Err("InvalidCharacter")),
        ("clients/spell%0a", Err("InvalidCharacter")),
        ("clients%2/spell", Err("InvalidPercentEncoding")),
        ("clients/spell/%23", Err("TopicWildcard")),
        ("clients/+/a", Err("TopicWildcard")),
        ("%24share/group/clients/spell/a", Err("TopicReserved")),
        ("clients/spell/a&topic=clients/you/a", Err("DuplicateParameter")),
        ("clients/spell/a&%74opic=clients/you/a", Err("DuplicateParameter")),
        ("&Topic=clients/spell/a", Err("EmptyTopic")),
    ];
    let token = token::of_client("spell");
    for protocol in Protocol::ALL {
        for (spelling, expected) in rows {
            let before = watched.recorder.seen().iter().filter(|seen| is_by_spell(seen)).count();
            let request = Request::post(format!("/mqtt/messages?topic={spelling}"));
            let answer = watched.edge.at(protocol).send(request.token(&token));
            let left: Vec<_> = watched.recorder.seen().into_iter().filter(is_by_spell).skip(before).collect();
            match expected {
                Ok(topic) => {
                    answer.expect_published(204);
                    assert_eq!(left.len(), 1, "{spelling}");
                    assert_eq!(left[0].target, format!("/mqtt/messages?topic={topic}"), "{protocol:?}");
                }
                Err(code) => {
                    assert_eq!(answer.expect_problem().code, code, "{spelling} over {protocol:?}");
                    assert_eq!(left, [], "{spelling} over {protocol:?}");
                }
            }
        }
    }
}

fn is_by_spell(request: &end_to_end::Recorded) -> bool {
    request.header("x-mqtt-client-id") == ["spell"]
}

#[test]
fn what_the_client_says_of_itself_permits_nothing() {
    let watched = Watched::shared();
    let request = |topic: &str| {
        Request::publish(topic)
            .header("x-mqtt-client-id", "forged")
            .header("x-mqtt-client-id", "forged-too")
            .header("x-jwt-payload", r#"{"oid":"forged","roles":["operator"]}"#)
            .header("roles", "operator")
            .header("mqtt-user-properties", r#"[{"oid":"forged","roles":"operator"}]"#)
    };
    for protocol in Protocol::ALL {
        for topic in ["clients/forged/a", "clients/forged-too/a", "machines/forged"] {
            let query = request(topic).and("&oid=forged&roles=operator&client-id=forged");
            expect_refused(&watched.edge.at(protocol).send(query), topic);
        }
    }
    assert!(!watched.has_seen("forged"));
}

#[test]
fn a_claim_of_another_type_or_null_is_in_no_group() {
    let watched = Watched::shared();
    let rows = [
        ("machines/1", json!({ "roles": ["reader", "operator"] }), true),
        ("machines/1", json!({ "roles": ["operator", null] }), true),
        ("machines/1", json!({ "roles": "operator" }), false),
        ("machines/1", json!({ "roles": [["operator"]] }), false),
        ("machines/1", json!({ "roles": { "operator": "operator" } }), false),
        ("machines/1", json!({ "roles": null }), false),
        ("machines/1", json!({ "roles": [null] }), false),
        ("machines/1", json!({ "Roles": ["operator"] }), false),
        ("machines/1", json!({ "jwt": { "roles": ["operator"] } }), false),
        ("lobby", json!({}), true),
        ("lobby", json!({ "status": {} }), true),
        ("lobby", json!({ "status": { "Banned": true } }), true),
        ("lobby", json!({ "status.banned": true }), true),
        ("lobby", json!({ "status": { "banned": true } }), false),
        ("lobby", json!({ "status": { "banned": false } }), false),
        // What `"banned": null` means is not ours to guess.
        ("lobby", json!({ "status": { "banned": null } }), false),
    ];
    for (topic, mut claims, is_permitted) in rows {
        claims["oid"] = json!("grouped");
        let answer = watched.edge.send(Request::publish(topic).token(&token_of(&claims)));
        if is_permitted {
            answer.expect_published(204);
        } else {
            expect_refused(&answer, &format!("{topic} by {claims}"));
        }
    }
}

#[test]
fn a_group_is_for_clients_that_fulfil_all_of_its_conditions() {
    let watched = Watched::shared();
    let member = json!({
        "oid": "member", "tier": "gold", "region": "fr", "access": { "level": 3 }, "trial": false,
    });
    let rows = [
        ("lounge/1/door", "", json!(0), true),
        ("lounge//door", "", json!(0), true),
        ("lounge/door", "", json!(0), false),
        ("lounge/1/2/door", "", json!(0), false),
        ("lounge/1/window", "", json!(0), false),
        ("lounge/1/door", "tier", json!("Gold"), false),
        ("lounge/1/door", "tier", json!(["gold"]), false),
        ("lounge/1/door", "region", json!("de"), true),
        ("lounge/1/door", "region", json!("it"), false),
        ("lounge/1/door", "region", json!("de,fr"), false),
        ("lounge/1/door", "access", json!({ "level": 3.0 }), true),
        ("lounge/1/door", "access", json!({ "level": 4 }), false),
        ("lounge/1/door", "access", json!({ "level": "3" }), false),
        ("lounge/1/door", "access", json!(3), false),
        ("lounge/1/door", "trial", json!(true), false),
        ("lounge/1/door", "trial", json!("false"), false),
        ("lounge/1/door", "trial", json!(null), false),
    ];
    for protocol in Protocol::ALL {
        for (topic, claim, value, is_permitted) in &rows {
            let mut claims = member.clone();
            if !claim.is_empty() {
                claims[*claim] = value.clone();
            }
            let answer = watched.edge.at(protocol).send(Request::publish(topic).token(&token_of(&claims)));
            if *is_permitted {
                answer.expect_published(204);
            } else {
                expect_refused(&answer, &format!("{topic} with {claim} {value}"));
            }
        }
    }
}

#[test]
fn a_dry_run_says_which_binding_permits_or_why_none_does_and_a_publish_does_not() {
    let watched = Watched::shared();
    let rows = [
        ("clients/dry/a", Ok("everyone-own")),
        ("dry/elsewhere", Err("the topic matches no topic space")),
        (
            "machines/dry",
            Err(
                "the topic matches machines, but the client is in none of the client groups bound to it: operators",
            ),
        ),
        ("vault/dry", Err("the topic matches vault, to which no client group is bound")),
    ];
    let token = token::of_client("dry");
    for (topic, expected) in rows {
        let request = Request::publish(topic).token(&token);
        let shown = watched.edge.send(request.clone().and("&dry-run=1"));
        match expected {
            Ok(binding) => {
                assert_eq!(shown.status, 200);
                let shown: Value = serde_json::from_slice(&shown.body).expect("JSON");
                assert_eq!((&shown["permittedBy"], &shown["clientId"]), (&json!(binding), &json!("dry")));
            }
            Err(reason) => {
                let refused = shown.expect_problem();
                assert_eq!((refused.status, refused.code.as_str()), (403, "NotPermitted"));
                assert!(refused.detail.ends_with(reason), "{topic}: {}", refused.detail);
                // Who is refused does not learn the names of what others may do.
                let detail = watched.edge.send(request).expect_problem().detail;
                assert_eq!(detail, "no permission binding lets this client publish to this topic");
            }
        }
    }
    assert!(!watched.has_seen("dry"));
}

#[test]
fn envoy_yaml_permits_devices_and_what_is_the_clients_own() {
    let edge = Edge::as_shipped("shipped", |stack| stack);
    let rows = [
        ("devices/CXa-23112/prompt", Some("everyone-devices")),
        ("devices", Some("everyone-devices")),
        (&format!("clients/{}/a", token::CLIENT_ID), Some("everyone-own")),
        ("clients/somebody/a", None),
        ("clients", None),
        ("Devices/a", None),
        ("device/a", None),
    ];
    for (topic, binding) in rows {
        let request = Request::publish(topic);
        let answer = edge.send(request.clone());
        let shown = edge.send(request.and("&dry-run=1"));
        if let Some(binding) = binding {
            // Nothing has subscribed.
            answer.expect_published(202);
            let shown: Value = serde_json::from_slice(&shown.body).expect("JSON");
            assert_eq!(shown["permittedBy"], binding);
        } else {
            expect_refused(&answer, topic);
        }
    }
}
