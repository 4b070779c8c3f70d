//! Changes of `envoy.yaml` that more than one file of tests makes.

use rig::stack::{EnvoyConfig, types};
use serde_json::{Value, json};

/// Lifts what the shipped configuration decides about topics and rates, since most tests are about other things.
pub fn open(config: &mut EnvoyConfig) {
    config.filter(|filter| {
        filter.as_object_mut().and_then(|filter| filter.remove("permissions"));
    });
    config.each(types::LOCAL_RATE_LIMIT, |limit| {
        if limit.get("filter_enabled").is_some() {
            limit["filter_enabled"] = json!({ "default_value": { "numerator": 0 } });
        }
    });
}

/// Sets one field of the filter's configuration.
pub fn set(config: &mut EnvoyConfig, field: &str, value: &Value) {
    config.filter(|filter| filter[field] = value.clone());
}

/// Sets how many requests one client may send, and all together, in a time that no test waits for the end of.
pub fn rates(config: &mut EnvoyConfig, client: u32, namespace: u32) {
    let bucket = |tokens: u32| json!({ "max_tokens": tokens, "fill_interval": "3600s" });
    config.each(types::LOCAL_RATE_LIMIT, |limit| {
        if limit.get("token_bucket").is_some() {
            limit["descriptors"][0]["token_bucket"] = bucket(client);
            limit["token_bucket"] = bucket(namespace);
            limit["filter_enabled"] = json!({ "default_value": { "numerator": 100 } });
        }
    });
}

/// Adds a cluster like that of the bridges, of what listens on these ports.
pub fn add_cluster(config: &mut EnvoyConfig, name: &str, ports: &[u16]) {
    let clusters = config.value()["static_resources"]["clusters"].as_array_mut().expect("clusters");
    let mut cluster = clusters[0].clone();
    cluster["name"] = json!(name);
    cluster["load_assignment"] = json!({ "cluster_name": name, "endpoints": endpoints(ports) });
    clusters.push(cluster);
}

/// A cluster's endpoints: these ports of 127.0.0.1.
#[must_use]
pub fn endpoints(ports: &[u16]) -> Value {
    let endpoint = |port: &u16| {
        let address = json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
        json!({ "endpoint": { "address": address } })
    };
    json!([{ "lb_endpoints": ports.iter().map(endpoint).collect::<Vec<_>>() }])
}
