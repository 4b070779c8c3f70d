//! The edges that are compared: envoy.yaml, with more and with less in it.

use std::fmt;
use std::path::PathBuf;

use rig::stack::{EnvoyConfig, types};
use serde_json::{Value, json};

use crate::config::{JWT_AUTHN, LOCAL_RATE_LIMIT, POSTMQTT, lift_rates, remove_filters, set_full_policy};

/// An edge. The rates of all are lifted, since a benchmark is over every rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// envoy.yaml without tokens, rates and postmqtt: what Envoy costs as a proxy that asks nothing.
    ProxyOnly,
    /// envoy.yaml without postmqtt: the bridge reads the request as the client sent it.
    WithoutFilter,
    /// envoy.yaml.
    AsShipped,
    /// … with a condition on a claim, a variable in a template, a route and two more User Properties.
    FullPolicy,
    /// envoy.yaml with another filter.
    Against(PathBuf),
}

// === impl Edge ===

impl Edge {
    /// The listener of this edge, made from the first one of envoy.yaml.
    pub(super) fn listener(&self, shipped: &EnvoyConfig, port: u16) -> Value {
        let mut config = shipped.clone();
        lift_rates(&mut config);
        match self {
            Self::ProxyOnly => remove_filters(&mut config, &[JWT_AUTHN, LOCAL_RATE_LIMIT, POSTMQTT]),
            Self::WithoutFilter => remove_filters(&mut config, &[POSTMQTT]),
            Self::AsShipped => {}
            Self::FullPolicy => config.filter(set_full_policy),
            Self::Against(filter) => config.each(types::WASM, |wasm| {
                wasm["config"]["vm_config"]["code"]["local"] = json!({ "filename": filter });
            }),
        }
        let mut listener = config.value()["static_resources"]["listeners"][0].take();
        listener["name"] = json!(self.to_string());
        listener["address"]["socket_address"]["port_value"] = json!(port);
        listener
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ProxyOnly => "proxy only",
            Self::WithoutFilter => "without the filter",
            Self::AsShipped => "as shipped",
            Self::FullPolicy => "with the full policy",
            Self::Against(_) => "with the other filter",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(edge: &Edge) -> Vec<String> {
        let listener = edge.listener(&EnvoyConfig::load().unwrap(), 1);
        let manager = &listener["filter_chains"][0]["filters"][0]["typed_config"];
        let names = manager["http_filters"].as_array().unwrap().iter();
        names.map(|filter| filter["name"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn an_edge_lacks_the_filters_that_its_name_says() {
        let rows: [(Edge, &[&str]); 5] = [
            (Edge::ProxyOnly, &[JWT_AUTHN, LOCAL_RATE_LIMIT, POSTMQTT]),
            (Edge::WithoutFilter, &[POSTMQTT]),
            (Edge::AsShipped, &[]),
            (Edge::FullPolicy, &[]),
            (Edge::Against("/run/other.wasm".into()), &[]),
        ];
        let shipped = filters(&Edge::AsShipped);
        for (edge, expected) in rows {
            let edges = filters(&edge);
            let lacking: Vec<_> = shipped.iter().filter(|filter| !edges.contains(filter)).collect();
            assert_eq!(lacking, expected, "{edge}");
        }
    }

    #[test]
    fn the_edge_as_shipped_is_envoy_yaml_but_for_rates_port_and_name() {
        let mut shipped = EnvoyConfig::load().unwrap();
        let listener = Edge::AsShipped.listener(&shipped, 1);
        lift_rates(&mut shipped);
        let mut expected = shipped.value()["static_resources"]["listeners"][0].take();
        expected["name"] = json!("as shipped");
        expected["address"]["socket_address"]["port_value"] = json!(1);
        assert_eq!(listener, expected);
    }
}
