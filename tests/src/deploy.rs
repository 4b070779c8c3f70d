//! The pieces of `deploy/`, put where `deploy/README.md` says.

use rig::repo;
use rig::stack::{EnvoyConfig, types};
use serde_json::Value;

/// A piece, parsed.
///
/// # Panics
/// Where there is none of that name, or it is not YAML.
#[must_use]
pub fn piece(path: &str) -> Value {
    piece_with(path, &[])
}

/// A piece whose placeholders were replaced, as an operator does; parsed.
///
/// # Panics
/// Where there is none of that name, it lacks a placeholder, or it is not YAML.
#[must_use]
pub fn piece_with(path: &str, values: &[(&str, &str)]) -> Value {
    let path = repo::root().join("deploy").join(path);
    let mut text =
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for (placeholder, value) in values {
        assert!(text.contains(placeholder), "{} has no {placeholder}", path.display());
        text = text.replace(placeholder, value);
    }
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Puts every part of a piece into its place.
///
/// # Panics
/// Where `deploy/README.md` knows no place for a part.
pub fn put(config: &mut EnvoyConfig, piece: &Value) {
    for (part, value) in piece.as_object().expect("a piece has parts") {
        match part.as_str() {
            "jwt_providers" => config.each(types::JWT_AUTHN, |jwt| jwt["providers"] = value.clone()),
            "jwt_requirement" => {
                config.each(types::JWT_AUTHN, |jwt| jwt["requirement_map"]["publisher"] = value.clone());
            }
            "client_id" => config.filter(|filter| filter["clientId"] = value.clone()),
            "client_rate_limits" => {
                config.each(types::LOCAL_RATE_LIMIT, |limit| {
                    if limit.get("rate_limits").is_some() {
                        limit["rate_limits"] = value.clone();
                    }
                });
                // Those of rate-limit/global.yaml, where that was put before.
                each_manager(config, |manager| {
                    let host = &mut manager["route_config"]["virtual_hosts"][0];
                    if let Some(limits) = host.get_mut("rate_limits").and_then(Value::as_array_mut) {
                        limits.splice(..1, value.as_array().cloned().unwrap_or_default());
                    }
                });
            }
            "access_log_principal" => each_manager(config, |manager| {
                let format = &mut manager["access_log"][0]["typed_config"]["log_format"]["json_format"];
                assert!(format["authorizationPrincipal"].is_string(), "the access log has a principal");
                format["authorizationPrincipal"] = value.clone();
            }),
            "downstream_tls_context" => config.each(types::DOWNSTREAM_TLS, |tls| merge(tls, value)),
            "http_filters_first" => each_manager(config, |manager| {
                let filters = manager["http_filters"].as_array_mut().expect("filters");
                filters.splice(..0, value.as_array().cloned().unwrap_or_default());
            }),
            "http_filters" => each_manager(config, |manager| {
                let filters = manager["http_filters"].as_array_mut().expect("filters");
                let at = filters.iter().position(|filter| filter["name"] == "postmqtt").expect("the filter");
                filters.splice(at..at, value.as_array().cloned().unwrap_or_default());
            }),
            "without_http_filters" => each_manager(config, |manager| {
                value.as_array().expect("names").iter().for_each(|name| remove_filter(manager, name));
            }),
            "tracing" => each_manager(config, |manager| manager["tracing"] = value.clone()),
            "hash_policy" => each_manager(config, |manager| {
                let routes = manager["route_config"]["virtual_hosts"][0]["routes"].as_array_mut();
                for route in routes.expect("routes").iter_mut().filter_map(|route| route.get_mut("route")) {
                    assert!(route["hash_policy"].is_array(), "every route to bridges has a policy: {route}");
                    route["hash_policy"] = value.clone();
                }
            }),
            "virtual_host" => each_manager(config, |manager| {
                merge(&mut manager["route_config"]["virtual_hosts"][0], value);
            }),
            "clusters" => {
                let clusters = config.value()["static_resources"]["clusters"].as_array_mut();
                clusters.expect("clusters").extend(value.as_array().cloned().unwrap_or_default());
            }
            unknown => panic!("where does {unknown} go?"),
        }
    }
}

fn each_manager(config: &mut EnvoyConfig, change: impl FnMut(&mut Value)) {
    config.each(types::HTTP_CONNECTION_MANAGER, change);
}

fn remove_filter(manager: &mut Value, name: &Value) {
    let filters = manager["http_filters"].as_array_mut().expect("filters");
    filters.retain(|filter| filter["name"] != *name);
    let host = &mut manager["route_config"]["virtual_hosts"][0];
    let name = name.as_str().expect("a name");
    let forget = |holder: &mut Value| {
        let settings = holder.get_mut("typed_per_filter_config").and_then(Value::as_object_mut);
        settings.and_then(|settings| settings.remove(name));
    };
    forget(host);
    host["routes"].as_array_mut().expect("routes").iter_mut().for_each(forget);
}

/// Lays `value` over `target`: objects field by field, anything else as a whole.
fn merge(target: &mut Value, value: &Value) {
    match (target, value) {
        (Value::Object(target), Value::Object(fields)) => {
            for (name, field) in fields {
                merge(target.entry(name).or_insert(Value::Null), field);
            }
        }
        (target, value) => *target = value.clone(),
    }
}
