//! What the edge adds, as a subscriber sees it: values of every source, names that only the edge may use, and limits.

use std::sync::OnceLock;

use end_to_end::{Edge, Message, Protocol, Request, config, token};
use rig::dev::token::Token;
use serde_json::{Value, json};

/// An edge that adds one property of every kind.
fn enriching() -> &'static Edge {
    static SHARED: OnceLock<Edge> = OnceLock::new();
    SHARED.get_or_init(|| {
        let properties = json!([
            { "key": "static", "value": "a \"quoted\" \\ text, ä€😀" },
            { "key": "who", "value": "${client.authenticationName}" },
            { "key": "site", "value": "${client.attributes.site}" },
            { "key": "topic", "value": "${mqtt.message.topicName}" },
            { "key": "reply", "value": "${mqtt.message.responseTopic}" },
            { "key": "correlation", "value": "${mqtt.message.correlationData}" },
            { "key": "pfi", "value": "${mqtt.message.pfi}" },
            { "key": "urgency", "value": "${mqtt.message.userProperties.Urgency}" },
            { "key": "quoted", "value": "${mqtt.message.userProperties['it\\'s']}" },
            { "key": "forged", "value": "${mqtt.message.userProperties.who}" },
            { "key": "empty", "value": "" },
            { "key": "request", "value": "${request.id}" },
            { "key": "address", "value": "${source.address}" },
        ]);
        Edge::start("every-kind", |stack| {
            stack.envoy_config(move |edge| config::set(edge, "enrichment", &properties))
        })
    })
}

fn token_of(site: Value) -> String {
    token::with_claims([("oid", json!("spaceship/ä")), ("site", site)])
}

/// The value of each pair under a name, in order.
fn values<'a>(message: &'a Message, name: &str) -> Vec<&'a str> {
    let pairs = message.user_properties.iter().filter(|(given, _)| given == name);
    pairs.map(|(_, value)| value.as_str()).collect()
}

fn pairs(message: &Message) -> Vec<(&str, &str)> {
    message.user_properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[test]
fn every_source_has_its_value_behind_what_the_client_sent() {
    let edge = enriching();
    let topic = edge.topic("all");
    let subscriber = edge.subscribe_to(&[&topic]);
    for protocol in Protocol::ALL {
        let request = Request::publish(&topic)
            .token(&token_of(json!("berlin")))
            .header("mqtt-response-topic", "a/b%2Cc")
            .header("mqtt-correlation-data", "-_8")
            .header("mqtt-payload-format-indicator", "1")
            .header(
                "mqtt-user-properties",
                r#"[{"Urgency":"high"},{"it's":"x","z":"1"},{"Urgency":"low"},{"z":"1"}]"#,
            )
            .body("{}");
        let answer = edge.at(protocol).send(request.header("x-forwarded-for", "192.0.2.1"));
        answer.expect_published(204);
        let message = subscriber.next();
        let expected = [
            ("Urgency", "high"),
            ("it's", "x"),
            ("z", "1"),
            ("Urgency", "low"),
            ("z", "1"),
            ("static", "a \"quoted\" \\ text, ä€😀"),
            ("who", "spaceship/ä"),
            ("site", "berlin"),
            ("topic", &topic),
            ("reply", "a/b,c"),
            ("correlation", "+/8="),
            ("pfi", "1"),
            ("urgency", "high,low"),
            ("quoted", "x"),
            ("forged", ""),
            ("empty", ""),
            ("request", answer.request_id()),
            ("address", "127.0.0.1"),
        ];
        assert_eq!(pairs(&message), expected, "{protocol:?}");
    }
}

#[test]
fn a_name_that_is_the_edges_is_taken_from_no_client() {
    let edge = enriching();
    let topic = edge.topic("forged");
    let subscriber = edge.subscribe_to(&[&topic]);
    let token = token_of(json!("berlin"));
    // What the client sends, and what is left of it.
    let rows: &[(&str, &[(&str, &str)])] = &[
        (r#"[{"who":"admin"}]"#, &[]),
        (r#"[{"who":"admin","who":"root"},{"who":""}]"#, &[]),
        (r#"[{"w\u0068o":"admin"},{"\u0073ite":"x"}]"#, &[]),
        (r#"[{"a":"1","site":"x","b":"2"},{"pfi":"1"}]"#, &[("a", "1"), ("b", "2")]),
        // Another name is another name.
        (
            r#"[{"Who":"1"},{" who":"2"},{"who ":"3"},{"":"4"},{"wh\u00f3":"5"}]"#,
            &[("Who", "1"), (" who", "2"), ("who ", "3"), ("", "4"), ("wh\u{f3}", "5")],
        ),
    ];
    for (sent, left) in rows {
        let request = Request::publish(&topic).token(&token).header("mqtt-user-properties", sent);
        edge.send(request).expect_published(204);
        let message = subscriber.next();
        assert_eq!(pairs(&message)[..left.len()], **left, "{sent}");
        assert_eq!(message.user_properties.len(), left.len() + 13, "{sent}");
        // Even a variable that asks for what the client sent under the name sees what was sent, and no more.
        assert_eq!(values(&message, "who"), ["spaceship/ä"], "{sent}");
        assert_eq!(values(&message, "site"), ["berlin"], "{sent}");
    }
}

#[test]
fn a_claim_that_is_no_mqtt_text_is_an_empty_value() {
    let edge = enriching();
    let topic = edge.topic("claims");
    let subscriber = edge.subscribe_to(&[&topic]);
    let long = "ä".repeat(4 * 1024);
    let rows = [
        (json!("a,b"), "a,b"),
        (json!("+/#"), "+/#"),
        (json!("${client.authenticationName}"), "${client.authenticationName}"),
        (json!("\"},{\"who\":\"admin"), "\"},{\"who\":\"admin"),
        (json!(long), &long),
        (json!(["a", "b"]), "a,b"),
        (json!(["a", 7, null, ["c"], "b"]), "a,b"),
        (json!([]), ""),
        (json!(null), ""),
        (json!(7), ""),
        (json!(true), ""),
        (json!({ "site": "a" }), ""),
        (json!(""), ""),
        (json!("a\u{0}b"), ""),
        (json!("a\r\nb"), ""),
        (json!("a\u{85}b"), ""),
        (json!("a\u{ffff}b"), ""),
    ];
    for (site, expected) in rows {
        edge.send(Request::publish(&topic).token(&token_of(site.clone()))).expect_published(204);
        let message = subscriber.next();
        assert_eq!(values(&message, "site"), [expected]);
        assert_eq!(values(&message, "who"), ["spaceship/ä"], "{site}");
        assert_eq!(message.user_properties.len(), 13, "{site}");
    }
}

#[test]
fn the_limit_holds_for_what_the_client_and_the_edge_say_together() {
    const LIMIT: usize = 32 * 1024;
    let edge = Edge::start("limit", |stack| {
        stack.envoy_config(|edge| {
            let property = json!([{ "key": "site", "value": "${client.attributes.site}" }]);
            config::set(edge, "enrichment", &property);
        })
    });
    let topic = edge.topic("limit");
    let subscriber = edge.subscribe_to(&[&topic]);
    let request = |pair: &str, site: &str| {
        let token =
            token::sign(&Token { claims: vec![("site".to_owned(), json!(site))], ..Token::default() });
        Request::publish(&topic).token(&token).header("mqtt-user-properties", pair)
    };
    let of_size = |size: usize| format!(r#"[{{"k":"{}"}}]"#, "v".repeat(size - 1));
    // The edge adds `site` and `berlin`.
    let most = LIMIT - "siteberlin".len();
    edge.send(request(&of_size(most), "berlin")).expect_published(204);
    let answers = [
        edge.send(request(&of_size(most + 1), "berlin")),
        edge.send(request(&of_size(most), "berlin!")),
        edge.send(request(&of_size(LIMIT), "")),
    ];
    for answer in answers {
        let problem = answer.expect_problem();
        assert_eq!((problem.status, problem.code.as_str()), (400, "UserPropertiesTooLarge"));
        assert_eq!(problem.places(), [("header", "mqtt-user-properties", "UserPropertiesTooLarge")]);
        assert_eq!(problem.document["violations"][0]["limit"], LIMIT);
    }
    let received = edge.published_until_now(&subscriber, &topic);
    let sizes = received.iter().map(|message| message.user_properties[0].1.len() + 1);
    assert_eq!(sizes.collect::<Vec<_>>(), [most]);
}

#[test]
fn a_dry_run_shows_what_would_be_added_and_a_broken_header_is_still_broken() {
    let edge = enriching();
    let request = Request::publish("a").token(&token_of(json!("berlin")));
    let answer =
        edge.send(request.clone().and("&dry-run=1").header("mqtt-user-properties", r#"[{"a":"1"}]"#));
    let shown: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let text = shown.to_string();
    assert_eq!(answer.status, 200, "{text}");
    assert!(text.contains("spaceship/ä") && text.contains("berlin") && text.contains("quoted"), "{text}");
    for broken in ["x", "[", r#"[{"who":7}]"#, r#"[{"who":"\ud800"}]"#] {
        let problem = edge.send(request.clone().header("mqtt-user-properties", broken)).expect_problem();
        assert_eq!(problem.status, 400, "{broken}");
    }
}
