//! Envoy Gateway: `internal/xds/translator` of envoyproxy/gateway, and the results that its tests expect
//! (`wasm.go`, `dynamicmodule.go`, `testdata/out/xds-ir/wasm.listeners.yaml`, `wasm.routes.yaml`, `jwt-multi-route-multi-provider.listeners.yaml`).

use rig::Filter;
use rig::dev::keys;
use serde_json::{Value, json};

use super::manifests::{Manifests, bytes};
use super::{ControlPlane, Places, cluster, serve};

/// Whether the ClientTrafficPolicy of the manifest is applied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Traffic {
    Shipped,
    /// What Envoy Gateway does without one.
    Defaults,
}

fn start(name: &str, filter: Filter, traffic: Traffic) -> ControlPlane {
    let manifests = Manifests::load("envoy-gateway/postmqtt.yaml");
    let provider = manifests.spec("SecurityPolicy")["jwt"]["providers"][0].clone();
    ControlPlane::start(name, &provider, move |places| generate(&manifests, places, filter, traffic))
}

/// The names that Envoy Gateway gives to the two filters, and to the virtual machine of the first.
const PLUGIN: &str = "envoyextensionpolicy/postmqtt/postmqtt/wasm/0";
const MODULE: &str = "envoyextensionpolicy/postmqtt/postmqtt/dynamicmodule/0";

fn generate(manifests: &Manifests, places: &Places, filter: Filter, traffic: Traffic) -> Value {
    let path = Filter::Wasm.path();
    let sha256 = sha256(&path);
    let wasm_port = serve(&format!("/{sha256}.wasm"), std::fs::read(&path).expect("the filter"));
    let keys_port = serve("/jwks.json", std::fs::read(keys::jwks()).expect("the development key"));
    let filters = match filter {
        Filter::Wasm => vec![jwt_filter(manifests), wasm_filter(manifests, &sha256), router()],
        Filter::Native => with_module(vec![jwt_filter(manifests), router()]),
    };
    let name = filters[filters.len() - 2]["name"].as_str().expect("a name").to_owned();
    let mut manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http-10080",
        "common_http_protocol_options": { "headers_with_underscores_action": "REJECT_REQUEST" },
        "http2_protocol_options": {
            "initial_connection_window_size": 1_048_576,
            "initial_stream_window_size": 65_536,
            "max_concurrent_streams": 100,
        },
        "http_filters": filters,
        "merge_slashes": true,
        "normalize_path": true,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
        "server_header_transformation": "PASS_THROUGH",
        "use_remote_address": true,
        "route_config": { "virtual_hosts": [virtual_host(manifests, &name)] },
    });
    let mut buffer = 32_768;
    if traffic == Traffic::Shipped {
        let policy = manifests.spec("ClientTrafficPolicy");
        buffer = bytes(&policy["connection"]["bufferLimit"]);
        assert_eq!(policy["path"]["escapedSlashesAction"], "RejectRequest");
        manager["path_with_escaped_slashes_action"] = json!("REJECT_REQUEST");
        assert_eq!(policy["headers"]["withUnderscoresAction"], "DropHeader");
        manager["common_http_protocol_options"]["headers_with_underscores_action"] = json!("DROP_HEADER");
        let window = bytes(&policy["http2"]["initialStreamWindowSize"]);
        manager["http2_protocol_options"]["initial_stream_window_size"] = json!(window);
        let timeout = &policy["timeout"]["http"]["requestReceivedTimeout"];
        manager["request_timeout"] = timeout.clone();
    }
    let mut jwks = cluster("jwks", keys_port);
    jwks["dns_lookup_family"] = json!("V4_ONLY");
    json!({
        "static_resources": {
            "listeners": [{
                "name": "postmqtt/postmqtt/http",
                "address": places.http,
                "per_connection_buffer_limit_bytes": buffer,
                "default_filter_chain": {
                    "filters": [{
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": manager,
                    }],
                },
            }],
            "clusters": [bridges(manifests, places), cluster("wasm_cluster", wasm_port), jwks],
        },
    })
}

/// Disabled here, and enabled on the route. Neither a reload policy nor a stop of the headers is ever set.
fn wasm_filter(manifests: &Manifests, sha256: &str) -> Value {
    let extension = &manifests.spec("EnvoyExtensionPolicy")["wasm"][0];
    assert_eq!(extension["code"]["type"], "Image");
    json!({
        "name": format!("envoy.filters.http.wasm/{PLUGIN}"),
        "disabled": true,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": extension["name"],
                "fail_open": extension["failOpen"],
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": extension["config"].to_string(),
                },
                "vm_config": {
                    "vm_id": PLUGIN,
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": { "remote": {
                        "http_uri": {
                            "uri": format!("http://envoy-gateway:18002/{sha256}.wasm"),
                            "cluster": "wasm_cluster",
                            "timeout": "10s",
                        },
                        "sha256": sha256,
                    } },
                },
            },
        },
    })
}

/// The native filter before the last one, and what the EnvoyPatchPolicy adds where it says.
fn with_module(mut filters: Vec<Value>) -> Vec<Value> {
    let manifests = Manifests::load("envoy-gateway/dynamic-module.yaml");
    let module = &manifests.spec("EnvoyProxy")["dynamicModules"][0];
    let extension = &manifests.spec("EnvoyExtensionPolicy")["dynamicModule"][0];
    assert_eq!(module["name"], extension["name"]);
    let filter = json!({
        "name": format!("envoy.filters.http.dynamic_modules/{MODULE}"),
        "disabled": true,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
            "dynamic_module_config": {
                "module": { "local": { "filename": Filter::Native.path() } },
                "do_not_close": module["doNotClose"],
            },
            "filter_name": extension["filterName"],
            "filter_config": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": extension["config"].to_string(),
            },
        },
    });
    filters.insert(filters.len() - 1, filter);
    let patch = &manifests.spec("EnvoyPatchPolicy")["jsonPatches"][0];
    assert_eq!(patch["name"], "postmqtt/postmqtt/http");
    let operation = &patch["operation"];
    assert_eq!(operation["op"], "add");
    let path = operation["path"].as_str().expect("a path");
    let place =
        path.strip_prefix("/default_filter_chain/filters/0/typed_config/http_filters/").expect("a place");
    filters.insert(place.parse().expect("a number"), operation["value"].clone());
    filters
}

/// The claims are left under the provider's name, and the token goes on.
fn jwt_filter(manifests: &Manifests) -> Value {
    let provider = &manifests.spec("SecurityPolicy")["jwt"]["providers"][0];
    let headers: Vec<Value> = provider["extractFrom"]["headers"]
        .as_array()
        .expect("headers")
        .iter()
        .map(|header| json!({ "name": header["name"], "value_prefix": header["valuePrefix"] }))
        .collect();
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": { "route/jwt": {
                "issuer": provider["issuer"],
                "audiences": provider["audiences"],
                "payload_in_metadata": provider["name"],
                "forward": true,
                "from_headers": headers,
                "remote_jwks": {
                    "http_uri": { "uri": "http://idp/jwks.json", "cluster": "jwks", "timeout": "10s" },
                    "cache_duration": "300s",
                    "async_fetch": {},
                    "retry_policy": {},
                },
            } },
            "requirement_map": { "route": { "provider_name": "route/jwt" } },
        },
    })
}

fn router() -> Value {
    json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": true,
        },
    })
}

fn virtual_host(manifests: &Manifests, filter: &str) -> Value {
    let rule = &manifests.spec("HTTPRoute")["rules"][0];
    let traffic = manifests.spec("BackendTrafficPolicy");
    let triggers: Vec<&str> = traffic["retry"]["retryOn"]["triggers"]
        .as_array()
        .expect("triggers")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let parameters: Vec<Value> = traffic["loadBalancer"]["consistentHash"]["queryParams"]
        .as_array()
        .expect("query parameters")
        .iter()
        .map(|parameter| json!({ "query_parameter": { "name": parameter["name"] } }))
        .collect();
    // One route for each match.
    let matches = rule["matches"].as_array().expect("matches").iter().enumerate();
    let routes: Vec<Value> = matches
        .map(|(index, matched)| json!({
            "name": format!("httproute/postmqtt/postmqtt/rule/0/match/{index}/*"),
            "match": { "path": matched["path"]["value"] },
            "request_headers_to_remove": rule["filters"][0]["requestHeaderModifier"]["remove"],
            "route": {
                "cluster": "httproute/postmqtt/postmqtt/rule/0",
                "hash_policy": parameters,
                "timeout": traffic["timeout"]["http"]["requestTimeout"],
                "retry_policy": {
                    "num_retries": traffic["retry"]["numRetries"],
                    "retry_on": triggers.join(","),
                    "host_selection_retry_max_attempts": "5",
                    "retry_host_predicate": [{
                        "name": "envoy.retry_host_predicates.previous_hosts",
                        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate" },
                    }],
                },
            },
            "typed_per_filter_config": {
                filter: {
                    "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
                    "config": {},
                },
                "envoy.filters.http.jwt_authn": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig",
                    "requirement_name": "route",
                },
            },
        }))
        .collect();
    json!({ "name": "postmqtt/postmqtt/http/*", "domains": ["*"], "routes": routes })
}

/// `appProtocol: kubernetes.io/h2c` of the Service makes it HTTP/2.
fn bridges(manifests: &Manifests, places: &Places) -> Value {
    let check = &manifests.spec("BackendTrafficPolicy")["healthCheck"]["active"];
    json!({
        "name": "httproute/postmqtt/postmqtt/rule/0",
        "type": "STATIC",
        "connect_timeout": "10s",
        "per_connection_buffer_limit_bytes": 32_768,
        "lb_policy": "MAGLEV",
        "load_assignment": {
            "cluster_name": "httproute/postmqtt/postmqtt/rule/0",
            "endpoints": places.bridges,
        },
        "health_checks": [{
            "http_health_check": { "host": "*", "path": check["http"]["path"], "codec_client_type": "HTTP2" },
            "interval": check["interval"],
            "timeout": check["timeout"],
            "unhealthy_threshold": check["unhealthyThreshold"],
            "healthy_threshold": check["healthyThreshold"],
        }],
        "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": { "http2_protocol_options": {
                "initial_connection_window_size": 1_048_576,
                "initial_stream_window_size": 65_536,
            } },
        } },
    })
}

fn sha256(path: &std::path::Path) -> String {
    let mut sum = std::process::Command::new("sha256sum");
    let printed = rig::command::output(sum.arg(path)).expect("sha256sum");
    printed.split(' ').next().expect("a sum").to_owned()
}

#[test]
fn the_essentials_hold_with_what_envoy_gateway_generates() {
    let gateway = start("essentials", Filter::Wasm, Traffic::Shipped);
    gateway.expect_the_essentials();
    gateway.refuse_the_tokens_of_others();
}

#[test]
fn the_essentials_hold_with_the_buffer_of_32_kib_that_is_envoy_gateways_default() {
    start("defaults", Filter::Wasm, Traffic::Defaults).expect_the_essentials();
}

#[test]
fn the_essentials_hold_with_what_envoy_gateway_generates_for_the_native_module() {
    let gateway = start("native", Filter::Native, Traffic::Shipped);
    gateway.expect_the_essentials();
    gateway.refuse_the_tokens_of_others();
}

#[test]
fn the_native_module_has_the_configuration_of_the_webassembly() {
    let wasm = Manifests::load("envoy-gateway/postmqtt.yaml").spec("EnvoyExtensionPolicy");
    let module = Manifests::load("envoy-gateway/dynamic-module.yaml").spec("EnvoyExtensionPolicy");
    assert_eq!(wasm["wasm"][0]["config"], module["dynamicModule"][0]["config"]);
}
