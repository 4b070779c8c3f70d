//! The repository's own `envoy.yaml`, parsed, for a run on other ports and paths: there is no second copy of it.

use std::path::Path;

use serde_json::{Value, json};

use crate::error::{Context, Error, Result};
use crate::repo;

/// A parsed Envoy configuration.
#[derive(Clone, Debug)]
pub struct EnvoyConfig(Value);

/// The places of a run.
#[derive(Debug)]
pub(super) struct Places<'a> {
    pub(super) http_port: u16,
    pub(super) https_port: u16,
    pub(super) admin_port: u16,
    pub(super) stats_port: u16,
    pub(super) bridge_ports: Vec<u16>,
    /// A `.wasm`, or a dynamic module's `.so`.
    pub(super) filter: &'a Path,
    pub(super) jwks: &'a Path,
    pub(super) certificate: &'a Path,
    pub(super) certificate_key: &'a Path,
}

/// The listener that has nothing of the edge: statistics for Prometheus.
const STATS: &str = "stats";

/// The types whose values a run or a test changes; [`EnvoyConfig::each`] takes any other as well.
pub mod types {
    /// The HTTP connection manager.
    pub const HTTP_CONNECTION_MANAGER: &str =
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    /// The filter for WebAssembly.
    pub const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
    /// The filter for dynamic modules.
    pub(super) const DYNAMIC_MODULE: &str =
        "envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter";
    /// The filter that verifies tokens.
    pub const JWT_AUTHN: &str = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";
    /// The filter that limits rates.
    pub const LOCAL_RATE_LIMIT: &str = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";
    /// TLS of a listener.
    pub const DOWNSTREAM_TLS: &str = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
}

// === impl EnvoyConfig ===

impl EnvoyConfig {
    /// Reads `envoy.yaml`.
    ///
    /// # Errors
    /// Where it cannot be read, or is not YAML.
    pub fn load() -> Result<Self> {
        let path = repo::envoy_yaml();
        let text = std::fs::read_to_string(&path).context(|| "envoy.yaml cannot be read".to_owned())?;
        serde_saphyr::from_str(&text).map(Self).context(|| "envoy.yaml is not valid YAML".to_owned())
    }

    /// The whole configuration, to change anything in it.
    pub fn value(&mut self) -> &mut Value {
        &mut self.0
    }

    /// Changes every value whose `@type` is this one (see [`types`]). What the two listeners for
    /// clients share is met twice; the listener for statistics is left alone.
    pub fn each(&mut self, type_name: &str, mut change: impl FnMut(&mut Value)) {
        each_typed(&mut self.0, &format!("type.googleapis.com/{type_name}"), &mut change);
    }

    /// Changes the filter's own configuration, which is JSON in a string.
    pub fn filter(&mut self, mut change: impl FnMut(&mut Value)) {
        let mut change_text = |text: &mut Value| {
            let mut filter =
                text.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            change(&mut filter);
            *text = filter.to_string().into();
        };
        self.each(types::WASM, |wasm| change_text(&mut wasm["config"]["configuration"]["value"]));
        self.each(types::DYNAMIC_MODULE, |module| change_text(&mut module["filter_config"]["value"]));
    }

    /// Puts `deploy/native.yaml` into its places: the filter is a dynamic module.
    ///
    /// # Errors
    /// Where the file cannot be read, or `envoy.yaml` has no place for a part of it.
    fn make_native(&mut self) -> Result<()> {
        let path = repo::root().join("deploy/native.yaml");
        let text =
            std::fs::read_to_string(&path).context(|| "deploy/native.yaml cannot be read".to_owned())?;
        let piece: Value =
            serde_saphyr::from_str(&text).context(|| "deploy/native.yaml is not valid YAML".to_owned())?;
        self.each(types::HTTP_CONNECTION_MANAGER, |manager| {
            let filters = manager["http_filters"].as_array_mut();
            let Some((filters, at)) = filters.and_then(|filters| {
                let at = filters.iter().position(|filter| filter["name"] == "postmqtt")?;
                Some((filters, at))
            }) else {
                return;
            };
            let mut module = piece["filter"].clone();
            module["filter_config"] = filters[at]["typed_config"]["config"]["configuration"].take();
            filters[at]["typed_config"] = module;
            filters.splice(at..at, piece["http_filters"].as_array().cloned().unwrap_or_default());
        });
        let layer = self.0.pointer_mut("/layered_runtime/layers/0/static_layer");
        let layer = layer.and_then(Value::as_object_mut);
        let layer = layer.ok_or_else(|| Error::new("envoy.yaml has no static layer of runtime settings."))?;
        layer.extend(piece["runtime"].as_object().cloned().unwrap_or_default());
        Ok(())
    }

    /// Changes the cluster of the bridges.
    pub fn bridges(&mut self, change: impl FnOnce(&mut Value)) {
        change(&mut self.0["static_resources"]["clusters"][0]);
    }

    /// The issuer and the first audience that tokens need.
    ///
    /// # Errors
    /// Where `envoy.yaml` names none.
    pub(crate) fn token_rules(&mut self) -> Result<(String, String)> {
        let mut found = None;
        self.each(types::JWT_AUTHN, |jwt| {
            let provider = jwt["providers"].as_object().and_then(|providers| providers.values().next());
            let field = |pointer: &str| Some(provider?.pointer(pointer)?.as_str()?.to_owned());
            found = field("/issuer").zip(field("/audiences/0"));
        });
        found.ok_or_else(|| Error::new("envoy.yaml names no token issuer with an audience."))
    }

    pub(super) fn place(&mut self, places: &Places<'_>) -> Result<()> {
        self.set_port("/admin/address", places.admin_port)?;
        self.set_port("/static_resources/listeners/0/address", places.http_port)?;
        self.set_port("/static_resources/listeners/1/address", places.https_port)?;
        self.set_port("/static_resources/listeners/2/address", places.stats_port)?;
        self.value()["static_resources"]["clusters"][1]["load_assignment"]["endpoints"] =
            json!([{ "lb_endpoints": [endpoint(places.admin_port)] }]);
        let endpoints: Vec<Value> = places.bridge_ports.iter().map(|port| endpoint(*port)).collect();
        self.bridges(|cluster| {
            cluster["type"] = json!("STATIC");
            cluster["load_assignment"]["endpoints"] = json!([{ "lb_endpoints": endpoints }]);
        });
        if places.filter.extension().is_some_and(|extension| extension == "so") {
            self.make_native()?;
        }
        self.each(types::WASM, |wasm| {
            wasm["config"]["vm_config"]["code"]["local"] = json!({ "filename": places.filter });
        });
        self.each(types::DYNAMIC_MODULE, |module| {
            module["dynamic_module_config"]["module"]["local"] = json!({ "filename": places.filter });
        });
        self.each(types::JWT_AUTHN, |jwt| {
            for provider in jwt["providers"].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
                provider["local_jwks"] = json!({ "filename": places.jwks });
            }
        });
        self.each(types::DOWNSTREAM_TLS, |tls| {
            tls["common_tls_context"]["tls_certificates"] = json!([{
                "certificate_chain": { "filename": places.certificate },
                "private_key": { "filename": places.certificate_key },
            }]);
        });
        Ok(())
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        std::fs::write(path, format!("{:#}\n", self.0))
            .context(|| format!("{} cannot be written", path.display()))
    }

    fn set_port(&mut self, pointer: &str, port: u16) -> Result<()> {
        let address = self.0.pointer_mut(pointer).and_then(|address| address.get_mut("socket_address"));
        let address =
            address.ok_or_else(|| Error::new(format!("envoy.yaml has no socket address at {pointer}.")))?;
        address["address"] = json!("127.0.0.1");
        address["port_value"] = json!(port);
        Ok(())
    }
}

fn each_typed(value: &mut Value, type_url: &str, change: &mut impl FnMut(&mut Value)) {
    if value.get("@type").and_then(Value::as_str) == Some(type_url) {
        change(value);
    }
    if value.get("name").and_then(Value::as_str) == Some(STATS) {
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each_typed(item, type_url, change)),
        Value::Object(fields) => fields.values_mut().for_each(|field| each_typed(field, type_url, change)),
        _ => {}
    }
}

fn endpoint(port: u16) -> Value {
    json!({ "endpoint": { "address": { "socket_address": { "address": "127.0.0.1", "port_value": port } } } })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use http_publish::Code;

    use super::*;

    fn placed() -> EnvoyConfig {
        placed_with("/run/filter.wasm")
    }

    fn placed_with(filter: &str) -> EnvoyConfig {
        let mut config = EnvoyConfig::load().unwrap();
        let places = Places {
            http_port: 1,
            https_port: 2,
            admin_port: 3,
            stats_port: 4,
            bridge_ports: vec![5, 6],
            filter: Path::new(filter),
            jwks: Path::new("/run/jwks.json"),
            certificate: Path::new("/run/tls.crt"),
            certificate_key: Path::new("/run/tls.key"),
        };
        config.place(&places).unwrap();
        config
    }

    #[test]
    fn a_run_has_ports_and_paths_of_its_own() {
        let mut config = placed();
        let text = config.value().to_string();
        assert!(!text.contains("/etc/"), "a path is left: {text}");
        for address in ["0.0.0.0", "8080", "8443", "9901", "9902"] {
            assert!(!text.contains(&format!(r#""address":"{address}""#)), "{address} is left");
            assert!(!text.contains(&format!(r#""port_value":{address}"#)), "{address} is left");
        }
        for port in 1..=6 {
            assert!(text.contains(&format!(r#""port_value":{port}"#)), "{port} is missing");
        }
    }

    #[test]
    fn a_native_filter_has_the_same_configuration_and_its_claims() {
        let (mut wasm, mut native) = (placed(), placed_with("/run/filter.so"));
        let mut configurations = Vec::new();
        for config in [&mut wasm, &mut native] {
            config.filter(|filter| configurations.push(filter.clone()));
        }
        let [first, rest @ ..] = configurations.as_slice() else { panic!("no filter") };
        assert_eq!(rest.len(), 3);
        assert!(first.is_object() && rest.iter().all(|other| other == first), "{configurations:?}");

        native.each(types::WASM, |filter| panic!("left: {filter}"));
        let text = native.value().to_string();
        assert!(
            text.contains(r#""local":{"filename":"/run/filter.so"}"#) && !text.contains("/etc/"),
            "{text}"
        );
        let key = first["clientId"]["metadataKey"].as_str().unwrap();
        assert!(text.contains(&format!(r#""object_key":"postmqtt.claims.{key}""#)), "{text}");
        assert!(text.contains(&format!("%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:{key})%")), "{text}");
    }

    #[test]
    fn envoys_own_problems_are_told_as_the_protocol_tells_them() {
        let mut config = EnvoyConfig::load().unwrap();
        let mut codes = BTreeSet::new();
        config.each(types::HTTP_CONNECTION_MANAGER, |manager| {
            for mapper in manager["local_reply_config"]["mappers"].as_array().unwrap() {
                let Some(problem) = mapper.pointer("/body_format_override/json_format") else { continue };
                let code = problem["code"].as_str().unwrap().to_owned();
                assert_eq!(problem["type"], json!(format!("urn:problem-type:postmqtt:{code}")));
                assert_eq!(problem["status"], json!("%RESPONSE_CODE%"));
                for field in ["title", "detail", "requestId"] {
                    assert!(problem[field].is_string(), "{code} has no {field}");
                }
                if let Some(known) = Code::ALL.iter().find(|known| known.as_str() == code) {
                    assert_eq!(problem["title"], json!(known.title()));
                }
                codes.insert(code);
            }
        });
        let shared = ["Unauthenticated", "NotFound", "RequestTimeout", "PayloadTooLarge", "EdgeFailure"];
        for code in shared {
            assert!(codes.contains(code), "{code} is missing");
        }
    }

    #[test]
    fn both_listeners_have_the_filter_and_a_change_reaches_both() {
        let mut config = placed();
        config.filter(|filter| filter["limits"]["payloadBytes"] = json!(10));
        let mut met = 0;
        config.filter(|filter| {
            met += 1;
            assert_eq!(
                (&filter["limits"]["payloadBytes"], &filter["path"]),
                (&json!(10), &json!("/mqtt/messages"))
            );
        });
        assert_eq!(met, 2);
    }
}
