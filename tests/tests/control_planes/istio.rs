//! Istio: `pilot/pkg/model/extensions.go` and `pilot/pkg/security/authn/policy_applier.go` of istio/istio.

use rig::Filter;
use rig::dev::keys;
use serde_json::{Value, json};

use super::manifests::Manifests;
use super::{ControlPlane, Places};

/// How the filter gets into the gateway.
#[derive(Clone, Copy)]
enum Extension {
    WasmPlugin,
    /// From Istio 1.30.
    TrafficExtension,
}

fn start(name: &str, extension: Extension) -> ControlPlane {
    let manifests = Manifests::load("istio/postmqtt.yaml");
    let rule = manifests.spec("RequestAuthentication")["jwtRules"][0].clone();
    let wasm = match extension {
        Extension::WasmPlugin => manifests.spec("WasmPlugin"),
        Extension::TrafficExtension => {
            let spec = Manifests::load("istio/traffic-extension.yaml").spec("TrafficExtension");
            assert_eq!(spec["phase"], "AUTHZ");
            spec["wasm"].clone()
        }
    };
    ControlPlane::start(name, &rule, move |places| generate(&manifests, &wasm, places))
}

fn generate(manifests: &Manifests, wasm: &Value, places: &Places) -> Value {
    let route = &manifests.spec("VirtualService")["http"][0];
    let policy = &manifests.spec("DestinationRule")["trafficPolicy"];
    let parameter = &policy["loadBalancer"]["consistentHash"]["httpQueryParameterName"];
    let cluster = "outbound|8081||postmqtt-bridge.postmqtt.svc.cluster.local";
    // One route for each match.
    let matches = route["match"].as_array().expect("matches").iter();
    let routes: Vec<Value> = matches
        .map(|matched| {
            json!({
                "match": { "path": matched["uri"]["exact"], "case_sensitive": true },
                "request_headers_to_remove": route["headers"]["request"]["remove"],
                "route": {
                    "cluster": cluster,
                    "timeout": route["timeout"],
                    "hash_policy": [{ "query_parameter": { "name": parameter } }],
                    "retry_policy": {
                        "retry_on": route["retries"]["retryOn"],
                        "num_retries": route["retries"]["attempts"],
                    },
                },
            })
        })
        .collect();
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
    });
    json!({
        "static_resources": {
            "listeners": [{
                "name": "0.0.0.0_8080",
                "address": places.http,
                // The profile EDGE of connectionSettings.
                "per_connection_buffer_limit_bytes": 32_768,
                "filter_chains": [{ "filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                        "stat_prefix": "outbound_0.0.0.0_8080",
                        "use_remote_address": true,
                        "normalize_path": true,
                        "merge_slashes": true,
                        "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
                        "common_http_protocol_options": { "headers_with_underscores_action": "REJECT_REQUEST" },
                        "http_filters": [jwt_filter(manifests), wasm_filter(wasm), router],
                        "route_config": { "virtual_hosts": [{
                            "name": "*:80",
                            "domains": ["*"],
                            "routes": routes,
                        }] },
                    },
                }] }],
            }],
            "clusters": [{
                "name": cluster,
                "type": "STATIC",
                "connect_timeout": "10s",
                "lb_policy": "RING_HASH",
                "load_assignment": { "cluster_name": cluster, "endpoints": places.bridges },
                "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": { "http2_protocol_options": {} },
                } },
            }],
        },
    })
}

/// The agent fetches the image and puts the path of a file in the place of the URL.
fn wasm_filter(wasm: &Value) -> Value {
    let policy = match wasm["failStrategy"].as_str() {
        Some("FAIL_CLOSE") => "FAIL_CLOSED",
        other => panic!("what is {other:?}?"),
    };
    json!({
        "name": "extensions.istio.io/wasmplugin/istio-system.postmqtt",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "istio-system.postmqtt",
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": wasm["pluginConfig"].to_string(),
                },
                "failure_policy": policy,
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": { "local": { "filename": Filter::Wasm.path() } },
                    "environment_variables": {
                        "key_values": { "ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION": "1" },
                    },
                },
            },
        },
    })
}

/// Claims are left under `payload`, for every issuer; a request without one is let through.
fn jwt_filter(manifests: &Manifests) -> Value {
    let rule = &manifests.spec("RequestAuthentication")["jwtRules"][0];
    let headers: Vec<Value> = rule["fromHeaders"]
        .as_array()
        .expect("headers")
        .iter()
        .map(|header| json!({ "name": header["name"], "value_prefix": header["prefix"] }))
        .collect();
    let jwks = std::fs::read_to_string(keys::jwks()).expect("the development key");
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": { "origins-0": {
                "issuer": rule["issuer"],
                "audiences": rule["audiences"],
                "forward": rule["forwardOriginalToken"],
                "payload_in_metadata": "payload",
                "normalize_payload_in_metadata": { "space_delimited_claims": ["permission", "scope"] },
                "from_headers": headers,
                "local_jwks": { "inline_string": jwks },
            } },
            "rules": [{
                "match": { "prefix": "/" },
                "requires": { "requires_any": { "requirements": [
                    { "provider_name": "origins-0" },
                    { "allow_missing": {} },
                ] } },
            }],
            "bypass_cors_preflight": true,
        },
    })
}

#[test]
fn the_essentials_hold_with_what_istio_generates_for_a_wasm_plugin() {
    let istio = start("wasm-plugin", Extension::WasmPlugin);
    istio.expect_the_essentials();
    istio.refuse_the_tokens_of_others();
}

#[test]
fn the_essentials_hold_with_what_istio_generates_for_a_traffic_extension() {
    start("traffic-extension", Extension::TrafficExtension).expect_the_essentials();
}
