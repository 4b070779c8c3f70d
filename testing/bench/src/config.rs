//! What a benchmark changes in envoy.yaml.

use rig::stack::{EnvoyConfig, types};
use serde_json::{Value, json};

// The names of the HTTP filters in envoy.yaml.
pub(super) const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";
pub(super) const LOCAL_RATE_LIMIT: &str = "envoy.filters.http.local_ratelimit";
pub(super) const POSTMQTT: &str = "postmqtt";

/// The limits stay in the path of a request; they only are never reached.
pub(super) fn lift_rates(config: &mut EnvoyConfig) {
    let never =
        json!({ "max_tokens": 1_000_000_000, "tokens_per_fill": 1_000_000_000, "fill_interval": "1s" });
    config.each(types::LOCAL_RATE_LIMIT, |limit| {
        if limit.get("token_bucket").is_some() {
            limit["token_bucket"] = never.clone();
            limit["descriptors"][0]["token_bucket"] = never.clone();
        }
    });
}

pub(super) fn remove_filters(config: &mut EnvoyConfig, names: &[&str]) {
    config.each(types::HTTP_CONNECTION_MANAGER, |manager| {
        if let Some(filters) = manager["http_filters"].as_array_mut() {
            filters.retain(|filter| !names.iter().any(|name| filter["name"] == *name));
        }
    });
}

pub(super) fn set_full_policy(filter: &mut Value) {
    filter["permissions"] = json!({
        "clientGroups": [{ "name": "issued-here", "conditions": [{ "claim": "aud", "exists": true }] }],
        "topicSpaces": [
            { "name": "own", "templates": ["clients/${client.authenticationName}/#"] },
            { "name": "devices", "templates": ["devices/+/prompt", "devices/+/state"] },
        ],
        "permissionBindings": [
            { "name": "own", "clientGroup": "$all", "topicSpace": "own" },
            { "name": "devices", "clientGroup": "issued-here", "topicSpace": "devices" },
        ],
    });
    filter["routing"] = json!({ "routes": [{ "filters": ["devices/#"], "cluster": "mqtt_bridge" }] });
    filter["enrichment"] = json!([
        { "key": "sentby", "value": "${client.authenticationName}" },
        { "key": "address", "value": "${source.address}" },
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_policy_is_one_that_the_filter_takes() {
        let mut config = EnvoyConfig::load().unwrap();
        config.filter(|filter| {
            set_full_policy(filter);
            edge::Config::from_json(filter.to_string().as_bytes()).unwrap();
        });
    }
}
