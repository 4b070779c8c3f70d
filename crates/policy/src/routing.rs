//! Where messages go: topic filters select the upstream cluster.

use serde::Deserialize;

use crate::claim::NoClaims;
use crate::client::Client;
use crate::error::InvalidPolicy;
use crate::present::present;
use crate::shape::Object;
use crate::template::Template;
use crate::trie::Trie;

/// The compiled routes.
#[derive(Clone, Debug)]
pub struct Routing {
    /// Each route's cluster, in the order of the configuration.
    clusters: Vec<String>,
    default_cluster: Option<String>,
    /// Maps each filter to the index of its route.
    filters: Trie<usize>,
}

/// The configuration's part about routing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RoutingDocument {
    routes: Vec<Object<RouteDocument>>,
    #[serde(default, deserialize_with = "present")]
    default_cluster: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct RouteDocument {
    filters: Vec<String>,
    cluster: String,
}

// === impl Routing ===

impl Routing {
    /// Checks and compiles the configuration.
    ///
    /// # Errors
    /// Returns an error if a route has no filter, a filter is not a topic filter, or a cluster's name is not visible
    /// ASCII. It names the route and what was expected.
    pub fn compile(document: RoutingDocument) -> Result<Self, InvalidPolicy> {
        let RoutingDocument { routes, default_cluster } = document;
        let mut clusters = Vec::with_capacity(routes.len());
        let mut filters = Trie::default();
        for (index, Object(route)) in routes.into_iter().enumerate() {
            let part = format!("routes[{index}]");
            if route.filters.is_empty() {
                return Err(InvalidPolicy::new(part, "at least one filter is expected"));
            }
            for text in &route.filters {
                let filter = Template::parse_filter(text).map_err(|error| error.within(&part))?;
                filters.insert(&filter, index);
            }
            check_cluster(&part, &route.cluster)?;
            clusters.push(route.cluster);
        }
        if let Some(cluster) = &default_cluster {
            check_cluster("defaultCluster", cluster)?;
        }
        Ok(Self { clusters, default_cluster, filters })
    }

    /// The cluster of the first route, in the order of the configuration, with a filter that matches the topic.
    ///
    /// Without a match it is the default cluster; without a default it is `None`, and Envoy's own routes decide.
    #[must_use]
    pub fn cluster(&self, topic: &str) -> Option<&str> {
        let no_client = Client { authentication_name: None, claims: &NoClaims };
        let mut first = None::<usize>;
        self.filters.for_each_match(topic, &no_client, |route| {
            first = Some(first.map_or(route, |known| known.min(route)));
        });
        let route = first.and_then(|route| self.clusters.get(route));
        route.map(String::as_str).or(self.default_cluster())
    }

    /// The cluster of topics that no filter matches; `None` leaves them to Envoy's own routes.
    #[must_use]
    pub fn default_cluster(&self) -> Option<&str> {
        self.default_cluster.as_deref()
    }
}

fn check_cluster(part: &str, cluster: &str) -> Result<(), InvalidPolicy> {
    if !cluster.is_empty() && cluster.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(InvalidPolicy::new(part, format_args!("the name of a cluster is expected, not {cluster:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn compile(document: Value) -> Result<Routing, String> {
        let document: RoutingDocument =
            serde_json::from_value(document).map_err(|error| error.to_string())?;
        Routing::compile(document).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_route_that_matches_names_the_cluster() {
        let routing = compile(json!({
            "routes": [
                { "filters": ["factory/+/alarm", "alarms/#"], "cluster": "alarms" },
                { "filters": ["factory/#"], "cluster": "factory" },
                { "filters": ["factory/7/#"], "cluster": "never" },
            ],
            "defaultCluster": "others",
        }))
        .unwrap();
        let rows = [
            ("factory/7/alarm", "alarms"),
            ("alarms", "alarms"),
            ("factory/7/state", "factory"),
            ("factory", "factory"),
            ("home", "others"),
        ];
        for (topic, expected) in rows {
            assert_eq!(routing.cluster(topic), Some(expected), "{topic}");
        }
    }

    #[test]
    fn a_topic_without_a_match_or_a_default_is_left_to_envoys_routes() {
        let routing = compile(json!({ "routes": [{ "filters": ["a"], "cluster": "a" }] })).unwrap();
        assert_eq!(routing.cluster("b"), None);
    }

    #[test]
    fn an_invalid_route_is_refused_with_its_index() {
        let rows = [
            (json!({ "routes": [{ "filters": [], "cluster": "a" }] }), "routes[0]: at least one filter"),
            (json!({ "routes": [{ "filters": ["a/#/b"], "cluster": "a" }] }), "routes[0]: template"),
            (
                json!({ "routes": [{ "filters": ["${client.authenticationName}"], "cluster": "a" }] }),
                "has no variables",
            ),
            (json!({ "routes": [{ "filters": ["a"], "cluster": "" }] }), "routes[0]: the name of a cluster"),
            (json!({ "routes": [], "defaultCluster": "a b" }), "defaultCluster: the name of a cluster"),
            (json!({ "routes": [], "default": "a" }), "unknown field `default`"),
        ];
        for (document, expected) in rows {
            let error = compile(document.clone()).unwrap_err();
            assert!(error.contains(expected), "{document}: {error}");
        }
    }
}
