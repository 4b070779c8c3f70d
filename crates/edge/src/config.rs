//! The filter's configuration: read strictly, checked whole, compiled into what a request needs.

use http_publish::{Rules, UnknownParameters, batch};
use policy::{
    Enrichment, EnrichmentDocument, Name, Object, Permissions, PermissionsDocument, Routing, RoutingDocument,
    present,
};
use serde::Deserialize;

use crate::client_id::{ClientIdDocument, ClientIdSource};
use crate::invalid_config::InvalidConfig;
use crate::limits::{LimitsDocument, WholeNumber};

/// All that the operator decided.
#[derive(Clone, Debug)]
pub struct Config {
    /// How requests are read.
    pub rules: Rules,
    /// Who sent them.
    pub client_id: ClientIdSource,
    /// Who may publish what; `None` if every client may publish everything.
    pub permissions: Option<Permissions>,
    /// Whether retained messages can be read. Permissions apply to them too.
    pub retained_messages: RetainedMessages,
    /// The largest batch that the host can hold, in bytes.
    pub held_batch_bytes: u64,
    /// Where messages go; `None` if Envoy's routes alone decide.
    pub routing: Option<Routing>,
    /// What is added to them.
    pub enrichment: Enrichment,
}

/// Whether retained messages can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetainedMessages {
    /// They can, where permissions permit it.
    On,
    /// Their paths are 404.
    Off,
}

/// The configuration of the postmqtt filter.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "postmqtt filter configuration")
)]
pub(crate) struct Document {
    /// The path that HTTP Publish is served at, without a query; `/mqtt/messages` by default.
    #[serde(deserialize_with = "present")]
    path: Option<String>,
    /// The path of the list of retained messages, without a query; `/mqtt/retainedMessages` by default. `/message` follows for a
    /// single one.
    #[serde(deserialize_with = "present")]
    retained_path: Option<String>,
    /// The versions that a query's `api-version` may name; by default the preview versions that Azure has published.
    #[serde(deserialize_with = "present")]
    api_versions: Option<Vec<String>>,
    /// The size of each part of a message.
    limits: Object<LimitsDocument>,
    /// What to do with parameters that were probably meant for HTTP Publish and do not exist; `ignore` by default.
    unknown_parameters: Name<UnknownParametersName>,
    /// Where the client id comes from; by default from the claim `oid`.
    client_id: Object<ClientIdDocument>,
    /// Who may publish what; without it, every client may publish everything.
    #[serde(deserialize_with = "present")]
    permissions: Option<Object<PermissionsDocument>>,
    /// Whether retained messages can be read; by default `on` with `permissions`, `off` without.
    #[serde(deserialize_with = "present")]
    retained_messages: Option<Name<RetainedMessagesName>>,
    /// Bytes of a batch that Envoy can hold while its lines are judged: what the listener's `per_connection_buffer_limit_bytes`
    /// allows. From 1024 to 1048576, which is the default.
    #[serde(deserialize_with = "present")]
    held_batch_bytes: Option<WholeNumber>,
    /// Which upstream cluster a topic goes to; without it, Envoy's routes alone decide.
    #[serde(deserialize_with = "present")]
    routing: Option<Object<RoutingDocument>>,
    /// User Properties that the edge adds to every message.
    enrichment: Vec<Object<EnrichmentDocument>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum UnknownParametersName {
    /// Publish without them; a dry run names them.
    #[default]
    Ignore,
    /// Refuse the request.
    Refuse,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum RetainedMessagesName {
    On,
    Off,
}

/// The smallest `heldBatchBytes`: enough for a few lines.
const MIN_HELD_BATCH_BYTES: u64 = 1024;

// === impl Config ===

impl Config {
    /// Reads the filter's configuration; an empty one is `{}`.
    ///
    /// # Errors
    /// Returns an error, which names the field and what was expected, unless all of it can be used.
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidConfig> {
        let json = if json.is_empty() { b"{}" } else { json };
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let Object(document) = serde_path_to_error::deserialize::<_, Object<Document>>(&mut deserializer)
            .map_err(|error| InvalidConfig::new(error.path(), error.inner()))?;
        deserializer.end().map_err(|error| InvalidConfig::new("configuration", error))?;
        document.compile()
    }

    /// What the operator should know of it at a glance, for Envoy's log.
    #[must_use]
    pub fn summary(&self) -> String {
        let path = &self.rules.path;
        let clients = match self.permissions {
            Some(_) => "clients that have a permission binding for the topic",
            None => "every client and every topic, since no permissions are configured",
        };
        format!("publishing at {path} is open to {clients}")
    }
}

// === impl Document ===

impl Document {
    fn compile(self) -> Result<Config, InvalidConfig> {
        let unknown_parameters = match self.unknown_parameters.0 {
            UnknownParametersName::Ignore => UnknownParameters::Ignore,
            UnknownParametersName::Refuse => UnknownParameters::Refuse,
        };
        let retained_messages = match self.retained_messages.map(|Name(name)| name) {
            Some(RetainedMessagesName::On) => RetainedMessages::On,
            Some(RetainedMessagesName::Off) => RetainedMessages::Off,
            None if self.permissions.is_some() => RetainedMessages::On,
            None => RetainedMessages::Off,
        };
        let limits = self.limits.0.compile()?;
        let mut rules = Rules { limits, unknown_parameters, ..Rules::default() };
        if let Some(path) = self.path {
            check_path("path", &path)?;
            rules.path = path;
        }
        if let Some(path) = self.retained_path {
            check_path("retainedPath", &path)?;
            rules.retained_path = path;
        }
        if !rules.has_distinct_paths() {
            return Err(InvalidConfig::new(
                "retainedPath",
                "retained messages need another path than messages and batches",
            ));
        }
        if let Some(versions) = self.api_versions {
            versions.iter().try_for_each(|version| check_api_version(version))?;
            rules.api_versions = versions;
        }
        Ok(Config {
            rules,
            client_id: self.client_id.0.compile()?,
            permissions: self
                .permissions
                .map(|Object(document)| Permissions::compile(document))
                .transpose()?,
            retained_messages,
            held_batch_bytes: self.held_batch_bytes.map_or(Ok(batch::MAX_BYTES), check_held_batch_bytes)?,
            routing: self.routing.map(|Object(document)| Routing::compile(document)).transpose()?,
            enrichment: Enrichment::compile(
                self.enrichment.into_iter().map(|Object(document)| document).collect(),
            )?,
        })
    }
}

/// A path as a request's target spells it, so that comparing bytes is enough.
fn check_path(field: &'static str, path: &str) -> Result<(), InvalidConfig> {
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'));
    if path.starts_with('/') && is_plain {
        return Ok(());
    }
    Err(InvalidConfig::new(
        field,
        "a path is expected that starts with / and has no query, like /mqtt/messages",
    ))
}

fn check_held_batch_bytes(WholeNumber(bytes): WholeNumber) -> Result<u64, InvalidConfig> {
    let bytes = u64::from(bytes);
    if (MIN_HELD_BATCH_BYTES..=batch::MAX_BYTES).contains(&bytes) {
        return Ok(bytes);
    }
    Err(InvalidConfig::new(
        "heldBatchBytes",
        format_args!("{MIN_HELD_BATCH_BYTES} to {} bytes are expected", batch::MAX_BYTES),
    ))
}

/// A version that a query can spell without percent-encoding.
fn check_api_version(version: &str) -> Result<(), InvalidConfig> {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if !version.is_empty() && version.bytes().all(is_unreserved) {
        return Ok(());
    }
    Err(InvalidConfig::new(
        "apiVersions",
        "letters, digits and - . _ ~ are expected, like 2025-02-15-preview",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_publish::Limits;
    use policy::ClaimPath;

    #[test]
    fn an_empty_configuration_is_azures_limits_and_the_claim_oid() {
        for given in [&b""[..], b"{}"] {
            let config = Config::from_json(given).unwrap();
            assert_eq!(config.rules, Rules::default());
            let oid =
                ClientIdSource::Jwt { metadata_key: "jwt".to_owned(), claims: vec![ClaimPath::named("oid")] };
            assert_eq!(config.client_id, oid);
            assert_eq!(config.held_batch_bytes, 1024 * 1024);
            assert!(config.permissions.is_none() && config.routing.is_none() && config.enrichment.is_empty());
        }
    }

    #[test]
    fn every_field_does_what_it_says() {
        let config = Config::from_json(
            br#"{
                "path": "/publish", "retainedPath": "/retained", "apiVersions": ["v1"],
                "limits": { "profile": "aws", "payloadBytes": 1000.0, "topicSegments": 3 },
                "clientId": { "from": "jwt", "metadataKey": "token", "claims": ["oid", ["user", "id"]] },
                "permissions": { "topicSpaces": [], "permissionBindings": [] },
                "heldBatchBytes": 32768,
                "routing": { "routes": [], "defaultCluster": "c" },
                "enrichment": [{ "key": "k", "value": "v" }]
            }"#,
        )
        .unwrap();
        assert_eq!(
            (
                config.rules.path.as_str(),
                config.rules.retained_path.as_str(),
                config.rules.api_versions.as_slice()
            ),
            ("/publish", "/retained", &["v1".to_owned()][..])
        );
        let expected =
            Limits { payload_bytes: 1000, topic_segments: 3, ..http_publish::Profile::Aws.limits() };
        assert_eq!(config.rules.limits, expected);
        let ClientIdSource::Jwt { metadata_key, claims } = config.client_id else { panic!("not a token") };
        assert_eq!(metadata_key, "token");
        assert_eq!(
            claims.iter().map(|claim| claim.names().collect()).collect::<Vec<Vec<_>>>(),
            [vec!["oid"], vec!["user", "id"]]
        );
        assert_eq!(claims[0], ClaimPath::named("oid"));
        assert_eq!(config.held_batch_bytes, 32_768);
        assert!(config.permissions.is_some() && config.routing.is_some() && !config.enrichment.is_empty());
    }

    #[test]
    fn a_field_that_is_unknown_or_of_another_type_is_refused_by_its_name_and_what_was_expected() {
        let rows = [
            (r#"{"pth":"/x"}"#, "unknown field `pth`, expected one of `path`"),
            (r#"{"path":7}"#, "path: invalid type: integer `7`, expected a string"),
            (r#"{"path":"mqtt"}"#, "path: a path is expected"),
            (r#"{"path":"/a?b"}"#, "path: a path is expected"),
            (r#"{"retainedPath":"a"}"#, "retainedPath: a path is expected"),
            (r#"{"path":"/a","retainedPath":"/a"}"#, "retainedPath: retained messages need another path"),
            (r#"{"heldBatchBytes":1023}"#, "heldBatchBytes: 1024 to 1048576 bytes are expected"),
            (r#"{"heldBatchBytes":1048577}"#, "heldBatchBytes: 1024 to 1048576 bytes are expected"),
            (r#"{"heldBatchBytes":"32Ki"}"#, "heldBatchBytes: a whole number"),
            (r#"{"apiVersions":"v1"}"#, "apiVersions: invalid type: string \"v1\", expected a sequence"),
            (r#"{"apiVersions":["a&b"]}"#, "apiVersions: letters"),
            (
                r#"{"limits":{"profile":"gcp"}}"#,
                "limits.profile: unknown variant `gcp`, expected one of `azure`, `aws`, `mqtt5`",
            ),
            (r#"{"limits":{"topicBites":1}}"#, "limits.topicBites: unknown field `topicBites`"),
            (
                r#"{"limits":{"topicBytes":"1"}}"#,
                "limits.topicBytes: a whole number from 0 to 4294967295 is expected",
            ),
            (r#"{"limits":{"topicBytes":1.5}}"#, "limits.topicBytes: a whole number"),
            (r#"{"limits":{"payloadBytes":-1}}"#, "limits.payloadBytes: a whole number"),
            (r#"{"limits":{"payloadBytes":4294967296}}"#, "limits.payloadBytes: a whole number"),
            (
                r#"{"clientId":{"from":"header"}}"#,
                "clientId.from: unknown variant `header`, expected one of `jwt`, `certificate`, `none`",
            ),
            (r#"{"clientId":{"from":"jwt","claim":"oid"}}"#, "unknown field `claim`"),
            (r#"{"clientId":{"from":"none","claims":["oid"]}}"#, "clientId: metadataKey and claims go with"),
            (r#"{"clientId":{"metadataKey":0.5}}"#, "clientId.metadataKey: invalid type: floating point"),
            (r#"{"path":null}"#, "path: invalid type: null, expected a string"),
            (r#"{"limits":{"topicBytes":null}}"#, "limits.topicBytes: a whole number"),
            (r#"{"permissions":null}"#, "permissions: invalid type: null"),
            (r#"{"limits":{"topicBytes":65536}}"#, "limits.topicBytes: MQTT can carry 65535 at most"),
            (
                r#"{"limits":{"payloadBytes":268435456}}"#,
                "limits.payloadBytes: MQTT can carry 268435455 at most",
            ),
            (r#"{"clientId":{"from":"jwt","claims":[]}}"#, "clientId.claims: at least one claim"),
            (r#"{"clientId":{"from":"jwt","claims":[7]}}"#, "a claim's name is expected"),
            (r#"{"permissions":{}}"#, "permissions: missing field `topicSpaces`"),
            (r#"{"enrichment":[{"key":"K","value":""}]}"#, "enrichment \"K\": a key is"),
            (r#"{"path":"/a"} x"#, "configuration: trailing characters"),
            (r#"{"limits":["azure"]}"#, "limits: invalid type: sequence, expected an object"),
            (
                r#"{"limits":{"profile":{"aws":null}}}"#,
                "limits.profile: invalid type: map, expected a string",
            ),
            (r#"{"enrichment":[["k","v"]]}"#, "enrichment[0]: invalid type: sequence, expected an object"),
            ("not json", "expected"),
            ("[]", "invalid type: sequence, expected an object"),
            ("7", "invalid type: integer `7`, expected an object"),
            ("{", "EOF while parsing"),
        ];
        for (given, expected) in rows {
            let error = Config::from_json(given.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{given}: {error}");
        }
    }
}
