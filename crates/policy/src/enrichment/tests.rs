use super::*;
use crate::claim::{ClaimPath, Claims, NoClaims, Presence};
use http_publish::{RequestHead, Rules, read};
use serde_json::{Value as Json, json};

struct Roles;

impl Claims for Roles {
    fn text(&self, path: &ClaimPath) -> Option<String> {
        path.names().eq(["site"]).then(|| "north".to_owned())
    }
    fn number(&self, _: &ClaimPath) -> Option<f64> {
        None
    }
    fn boolean(&self, _: &ClaimPath) -> Option<bool> {
        None
    }
    fn list(&self, path: &ClaimPath) -> Option<Vec<String>> {
        path.names().eq(["roles"]).then(|| vec!["a".to_owned(), "b".to_owned()])
    }
    fn presence(&self, path: &ClaimPath) -> Presence {
        let is_there = self.text(path).is_some() || self.list(path).is_some();
        if is_there { Presence::Present } else { Presence::Absent }
    }
}

fn compile(document: Json) -> Result<Enrichment, String> {
    let document: Vec<EnrichmentDocument> =
        serde_json::from_value(document).map_err(|error| error.to_string())?;
    Enrichment::compile(document).map_err(|error| error.to_string())
}

fn enrich(enrichment: &Enrichment, claims: &dyn Claims) -> Vec<(String, String)> {
    let rules = Rules::default();
    let head = RequestHead::from_fields([
        (&b":method"[..], &b"POST"[..]),
        (b":path", b"/mqtt/messages?topic=a%2Fb"),
        (b"mqtt-correlation-data", b"-_8"),
        (b"mqtt-user-properties", br#"[{"x":"1"},{"site":"forged"},{"x":"2"},{"it's":"3"}]"#),
    ]);
    let publish = read(&head, &rules).unwrap();
    let client = Client { authentication_name: Some("pump-7"), claims };
    let request = RequestFacts { request_id: "id-1", source_address: "192.0.2.1" };
    let enriched = enrichment.apply(&publish, &client, request);
    enriched.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_clients_properties_keep_their_order_and_the_edges_follow() {
    let enrichment = compile(json!([
        { "key": "site", "value": "${client.attributes.site}" },
        { "key": "static", "value": "text" },
    ]))
    .unwrap();
    let expected = [("x", "1"), ("x", "2"), ("it's", "3"), ("site", "north"), ("static", "text")]
        .map(|(n, v)| (n.to_owned(), v.to_owned()));
    assert_eq!(enrich(&enrichment, &Roles), expected);
}

#[test]
fn a_value_is_a_text_or_one_variable() {
    let rows = [
        ("", ""),
        ("plain text", "plain text"),
        ("${client.authenticationName}", "pump-7"),
        ("${client.attributes.site}", "north"),
        ("${client.attributes.roles}", "a,b"),
        ("${client.attributes.missing}", ""),
        ("${mqtt.message.topicName}", "a/b"),
        ("${mqtt.message.responseTopic}", ""),
        ("${mqtt.message.correlationData}", "+/8="),
        ("${mqtt.message.pfi}", "0"),
        ("${mqtt.message.userProperties.x}", "1,2"),
        ("${mqtt.message.userProperties['it\\'s']}", "3"),
        ("${mqtt.message.userProperties.missing}", ""),
        ("${request.id}", "id-1"),
        ("${source.address}", "192.0.2.1"),
    ];
    for (value, expected) in rows {
        let enrichment = compile(json!([{ "key": "k", "value": value }])).unwrap();
        assert_eq!(enrich(&enrichment, &Roles).last().unwrap().1, expected, "{value}");
    }
}

#[test]
fn a_key_or_value_outside_event_grids_rules_is_refused_with_its_key() {
    let long = "x".repeat(129);
    let rows = [
        ("", "v"),
        ("Upper", "v"),
        ("with-dash", "v"),
        ("abcdefghijklmnopqrstu", "v"),
        ("subject", "v"),
        ("azspother", "v"),
        ("k", &long),
        ("k", "a\nb"),
        ("k", "a ${request.id}"),
        ("k", "${request.id"),
        ("k", "${unknown}"),
        ("k", "${mqtt.message.userProperties}"),
        ("k", "${mqtt.message.userProperties['a'b']}"),
    ];
    for (key, value) in rows {
        let error = compile(json!([{ "key": key, "value": value }])).unwrap_err();
        assert!(error.starts_with(&format!("enrichment {key:?}: ")), "{key} {value}: {error}");
    }
    assert!(compile(json!([{ "key": "k", "value": "" }, { "key": "k", "value": "" }])).is_err());
    let many: Vec<Json> = (0..21).map(|index| json!({ "key": format!("k{index}"), "value": "" })).collect();
    assert!(compile(Json::Array(many)).is_err());
}

#[test]
fn the_source_address_is_wanted_only_by_its_variable() {
    assert!(!compile(json!([{ "key": "k", "value": "${request.id}" }])).unwrap().wants_source_address());
    assert!(compile(json!([{ "key": "k", "value": "${source.address}" }])).unwrap().wants_source_address());
    assert!(enrich(&Enrichment::default(), &NoClaims).len() == 4);
}
