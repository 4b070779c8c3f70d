//! The documentation's examples are configurations that compile.

use edge::Config;
use policy::{Client, NoClaims, Verdict};

const PERMISSIONS: &str = include_str!("../../../docs/permissions.md");

/// The examples put together: each is one member of the configuration.
fn examples() -> String {
    let blocks = PERMISSIONS.split("```json\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let members: Vec<&str> = blocks.map(|(block, _)| block.trim()).collect();
    assert_eq!(members.len(), 3, "permissions, routing, enrichment");
    format!("{{{}}}", members.join(","))
}

#[test]
fn the_examples_of_permissions_routing_and_enrichment_do_what_the_text_says() {
    let config = Config::from_json(examples().as_bytes()).expect("the examples are valid");
    let client = Client { authentication_name: Some("pump-7"), claims: &NoClaims };
    let permissions = config.permissions.expect("there is an example of permissions");
    assert_eq!(
        permissions.judge("clients/pump-7/state", &client),
        Verdict::Permitted { binding: "everyone-own" }
    );
    assert!(matches!(permissions.judge("machines/1/command", &client), Verdict::Refused(_)));

    let routing = config.routing.expect("there is an example of routing");
    assert_eq!(routing.cluster("factory/7/alarm"), Some("alarm_bridge"));
    assert_eq!(routing.cluster("factory/7/state"), Some("factory_bridge"));
    assert_eq!(routing.cluster("home"), Some("mqtt_bridge"));
    assert!(!config.enrichment.is_empty());
}
