//! The filter's configuration: read strictly, checked whole, compiled into what a request needs.

use http_publish::{Limits, Profile, Rules};
use serde::{Deserialize, Deserializer, de};

use crate::client::ClientIdSource;

/// What a request needs.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) rules: Rules,
    pub(crate) client_id: ClientIdSource,
}

/// Why a configuration cannot be used: a sentence that names the field.
#[derive(Debug)]
pub(crate) struct InvalidConfig(String);

/// The JSON of the plugin's configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Document {
    path: Option<String>,
    api_versions: Option<Vec<String>>,
    limits: LimitsDocument,
    client_id: ClientIdSource,
}

/// A profile and what differs from it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct LimitsDocument {
    profile: ProfileDocument,
    topic_bytes: Option<WholeNumber>,
    topic_segments: Option<WholeNumber>,
    response_topic_bytes: Option<WholeNumber>,
    correlation_data_bytes: Option<WholeNumber>,
    user_properties_bytes: Option<WholeNumber>,
    content_type_bytes: Option<WholeNumber>,
    message_expiry_seconds: Option<WholeNumber>,
    payload_bytes: Option<WholeNumber>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ProfileDocument {
    #[default]
    Azure,
    Aws,
    Mqtt5,
}

/// A number of 0 to 4,294,967,295. Envoy keeps the numbers of a `Struct` as doubles, so `8.0` is one too.
#[derive(Clone, Copy, Debug)]
struct WholeNumber(u32);

// === impl Config ===

impl Config {
    /// Reads the plugin's configuration; none is `{}`.
    pub(crate) fn from_json(json: &[u8]) -> Result<Self, InvalidConfig> {
        let json = if json.is_empty() { b"{}" } else { json };
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let document: Document = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| InvalidConfig(format!("{}: {}", error.path(), error.inner())))?;
        deserializer.end().map_err(|error| InvalidConfig(error.to_string()))?;
        document.compile()
    }
}

impl std::fmt::Display for InvalidConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

// === impl Document ===

impl Document {
    fn compile(self) -> Result<Config, InvalidConfig> {
        let mut rules = Rules { limits: self.limits.compile(), ..Rules::default() };
        if let Some(path) = self.path {
            check_path(&path)?;
            rules.path = path;
        }
        if let Some(versions) = self.api_versions {
            versions.iter().try_for_each(|version| check_api_version(version))?;
            rules.api_versions = versions;
        }
        self.client_id.check().map_err(InvalidConfig)?;
        Ok(Config { rules, client_id: self.client_id })
    }
}

impl LimitsDocument {
    fn compile(&self) -> Limits {
        let profile = match self.profile {
            ProfileDocument::Azure => Profile::Azure,
            ProfileDocument::Aws => Profile::Aws,
            ProfileDocument::Mqtt5 => Profile::Mqtt5,
        };
        let mut limits = profile.limits();
        let sizes = [
            (&mut limits.topic_bytes, self.topic_bytes),
            (&mut limits.topic_segments, self.topic_segments),
            (&mut limits.response_topic_bytes, self.response_topic_bytes),
            (&mut limits.correlation_data_bytes, self.correlation_data_bytes),
            (&mut limits.user_properties_bytes, self.user_properties_bytes),
            (&mut limits.content_type_bytes, self.content_type_bytes),
        ];
        for (limit, given) in sizes {
            if let Some(WholeNumber(number)) = given {
                *limit = usize::try_from(number).unwrap_or(usize::MAX);
            }
        }
        if let Some(WholeNumber(seconds)) = self.message_expiry_seconds {
            limits.message_expiry_seconds = seconds;
        }
        if let Some(WholeNumber(bytes)) = self.payload_bytes {
            limits.payload_bytes = u64::from(bytes);
        }
        limits
    }
}

// === impl WholeNumber ===

impl<'de> Deserialize<'de> for WholeNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "a whole number from 0 to 4294967295 is expected";
        let number = f64::deserialize(deserializer).map_err(|_| de::Error::custom(EXPECTED))?;
        let is_whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
        if !is_whole {
            return Err(de::Error::custom(EXPECTED));
        }
        // The range was checked.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Ok(Self(number as u32))
    }
}

/// A path as a request's target spells it, so that comparing bytes is enough.
fn check_path(path: &str) -> Result<(), InvalidConfig> {
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'));
    if path.starts_with('/') && is_plain {
        return Ok(());
    }
    Err(InvalidConfig(
        "path: a path is expected that starts with / and has no query, like /mqtt/messages".to_owned(),
    ))
}

/// A version that stands in a query without an escape.
fn check_api_version(version: &str) -> Result<(), InvalidConfig> {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if !version.is_empty() && version.bytes().all(is_unreserved) {
        return Ok(());
    }
    Err(InvalidConfig(
        "apiVersions: letters, digits and - . _ ~ are expected, like 2025-02-15-preview".to_owned(),
    ))
}
