//! The edges that are compared, which differ in one filter only.

use std::fmt;
use std::path::PathBuf;

use rig::filter::Filter;
use rig::repo;
use rig::stack::{EnvoyConfig, types};
use serde_json::json;

use crate::config::{POSTMQTT, lift_rates, remove_filters, set_full_policy};

/// An edge: envoy.yaml without rates that are reached and without an access log, and with …
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// … no filter in the place of postmqtt.
    WithoutFilter,
    /// … a Wasm filter that does nothing.
    Empty,
    /// … as much of postmqtt as Lua can do.
    Lua,
    /// … postmqtt, as envoy.yaml configures it.
    AsShipped(Filter),
    /// … postmqtt with a condition on a claim, a variable in a template, a route and two more User Properties.
    FullPolicy(Filter),
    /// … another version of it: a `.wasm` or a `.so`.
    Against(PathBuf),
}

const LUA: &str = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua";

// === impl Edge ===

impl Edge {
    /// The file of its filter; of an edge that has none, one that is not loaded.
    pub(crate) fn filter(&self) -> PathBuf {
        match self {
            Self::WithoutFilter | Self::Lua => repo::filter(),
            Self::Empty => repo::empty_filter(),
            Self::AsShipped(filter) | Self::FullPolicy(filter) => filter.path(),
            Self::Against(filter) => filter.clone(),
        }
    }

    /// Makes this edge of envoy.yaml, which has the filter already.
    pub(crate) fn configure(&self, config: &mut EnvoyConfig) {
        lift_rates(config);
        keep_first_listener(config);
        config.each(types::HTTP_CONNECTION_MANAGER, |manager| {
            manager.as_object_mut().and_then(|manager| manager.remove("access_log"));
        });
        // The upstream is no bridge and has no health check.
        config.bridges(|cluster| {
            cluster.as_object_mut().and_then(|cluster| cluster.remove("health_checks"));
        });
        match self {
            Self::WithoutFilter => remove_filters(config, &[POSTMQTT]),
            Self::Lua => config.each(types::HTTP_CONNECTION_MANAGER, |manager| {
                for filter in manager["http_filters"].as_array_mut().into_iter().flatten() {
                    if filter["name"] == POSTMQTT {
                        let code = json!({ "inline_string": include_str!("publish.lua") });
                        filter["typed_config"] = json!({ "@type": LUA, "default_source_code": code });
                    }
                }
            }),
            Self::FullPolicy(_) => config.filter(set_full_policy),
            Self::Empty | Self::AsShipped(_) | Self::Against(_) => {}
        }
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::WithoutFilter => "without the filter",
            Self::Empty => "an empty Wasm filter",
            Self::Lua => "a Lua filter that does a part of the work",
            Self::AsShipped(Filter::Wasm) => "postmqtt.wasm, as shipped",
            Self::AsShipped(Filter::Native) => "libpostmqtt.so, as shipped",
            Self::FullPolicy(Filter::Wasm) => "postmqtt.wasm, full policy",
            Self::FullPolicy(Filter::Native) => "libpostmqtt.so, full policy",
            Self::Against(_) => "the other filter",
        })
    }
}

fn keep_first_listener(config: &mut EnvoyConfig) {
    if let Some(listeners) = config.value()["static_resources"]["listeners"].as_array_mut() {
        listeners.truncate(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn filters(config: &mut EnvoyConfig) -> Vec<Value> {
        let mut found = Vec::new();
        config.each(types::HTTP_CONNECTION_MANAGER, |manager| {
            found.extend(manager["http_filters"].as_array().cloned().unwrap_or_default());
        });
        found
    }

    #[test]
    fn edges_differ_in_the_filter_alone() {
        let shipped = filters(&mut EnvoyConfig::load().unwrap());
        for edge in [Edge::WithoutFilter, Edge::Empty, Edge::Lua, Edge::FullPolicy(Filter::Wasm)] {
            let mut config = EnvoyConfig::load().unwrap();
            edge.configure(&mut config);
            let filters = filters(&mut config);
            let others = |filters: &[Value]| -> Vec<Value> {
                filters.iter().filter(|filter| filter["name"] != POSTMQTT).cloned().collect()
            };
            // The two listeners share their filters, and one is left.
            let first_half = shipped.len() / 2;
            assert_eq!(others(&filters), others(&shipped[..first_half]), "{edge}");
            let expected = first_half - usize::from(edge == Edge::WithoutFilter);
            assert_eq!(filters.len(), expected, "{edge}");
        }
    }
}
