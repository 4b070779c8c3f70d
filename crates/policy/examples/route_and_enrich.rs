//! Selects the upstream cluster of a message, and adds User Properties to it.
//!
//! `cargo run -p policy --example route_and_enrich`

use http_publish::{RequestHead, Rules, read};
use policy::{Client, Enrichment, NoClaims, RequestFacts, Routing};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let routing = Routing::compile(serde_json::from_value(json!({
        "routes": [{ "filters": ["factory/+/alarm"], "cluster": "alarm_bridge" }],
        "defaultCluster": "mqtt_bridge",
    }))?)?;
    let enrichment = Enrichment::compile(serde_json::from_value(json!([
        { "key": "sentby", "value": "${client.authenticationName}" },
        { "key": "stage", "value": "production" },
    ]))?)?;

    let rules = Rules::default();
    let head = RequestHead::from_fields([
        (&b":method"[..], &b"POST"[..]),
        (b":path", b"/mqtt/messages?topic=factory%2F7%2Falarm"),
        (b"mqtt-user-properties", br#"[{"level":"high"},{"sentby":"forged"}]"#),
    ]);
    let publish = read(&head, &rules)?;
    let client = Client { authentication_name: Some("pump-7"), claims: &NoClaims };

    println!("cluster: {}", routing.cluster(publish.topic_name.as_str()).unwrap_or("by Envoy's routes"));
    for (name, value) in enrichment.apply(&publish, &client, RequestFacts::default()).iter() {
        println!("{name}: {value}");
    }
    Ok(())
}
