//! The limits of a configuration: a profile, and what differs from it.

use http_publish::{Limits, Profile};
use policy::{Name, present};
use serde::{Deserialize, Deserializer, de};

use crate::invalid_config::InvalidConfig;

/// A profile's name, and single limits that replace the profile's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct LimitsDocument {
    profile: Name<ProfileName>,
    /// Bytes of the Topic Name, decoded.
    #[serde(deserialize_with = "present")]
    topic_bytes: Option<WholeNumber>,
    /// Segments of the Topic Name.
    #[serde(deserialize_with = "present")]
    topic_segments: Option<WholeNumber>,
    /// Bytes of the Response Topic, decoded.
    #[serde(deserialize_with = "present")]
    response_topic_bytes: Option<WholeNumber>,
    /// Bytes of the Correlation Data, decoded.
    #[serde(deserialize_with = "present")]
    correlation_data_bytes: Option<WholeNumber>,
    /// Bytes of all User Properties: names and values added up.
    #[serde(deserialize_with = "present")]
    user_properties_bytes: Option<WholeNumber>,
    /// Bytes of the Content Type.
    #[serde(deserialize_with = "present")]
    content_type_bytes: Option<WholeNumber>,
    /// Seconds of the Message Expiry Interval.
    #[serde(deserialize_with = "present")]
    message_expiry_seconds: Option<WholeNumber>,
    /// Bytes of the payload.
    #[serde(deserialize_with = "present")]
    payload_bytes: Option<WholeNumber>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum ProfileName {
    /// What Azure Event Grid's MQTT broker publishes.
    #[default]
    Azure,
    /// What AWS IoT Core publishes.
    Aws,
    /// What MQTT 5.0 itself can carry.
    Mqtt5,
}

/// A number from 0 to 4,294,967,295. A protobuf `Struct`, which control planes such as Istio use, turns every number into
/// a double, so `8.0` is accepted too.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct WholeNumber(pub(crate) u32);

// === impl LimitsDocument ===

impl LimitsDocument {
    pub(crate) fn compile(&self) -> Result<Limits, InvalidConfig> {
        let profile = match self.profile.0 {
            ProfileName::Azure => Profile::Azure,
            ProfileName::Aws => Profile::Aws,
            ProfileName::Mqtt5 => Profile::Mqtt5,
        };
        let mut limits = profile.limits();
        let most = Profile::Mqtt5.limits();
        let sizes = [
            ("topicBytes", self.topic_bytes, &mut limits.topic_bytes, most.topic_bytes),
            ("topicSegments", self.topic_segments, &mut limits.topic_segments, most.topic_segments),
            (
                "responseTopicBytes",
                self.response_topic_bytes,
                &mut limits.response_topic_bytes,
                most.response_topic_bytes,
            ),
            (
                "correlationDataBytes",
                self.correlation_data_bytes,
                &mut limits.correlation_data_bytes,
                most.correlation_data_bytes,
            ),
            (
                "userPropertiesBytes",
                self.user_properties_bytes,
                &mut limits.user_properties_bytes,
                most.user_properties_bytes,
            ),
            (
                "contentTypeBytes",
                self.content_type_bytes,
                &mut limits.content_type_bytes,
                most.content_type_bytes,
            ),
        ];
        for (field, given, limit, most) in sizes {
            if let Some(WholeNumber(number)) = given {
                *limit = usize::try_from(number)
                    .ok()
                    .filter(|number| *number <= most)
                    .ok_or_else(|| too_much(field, most))?;
            }
        }
        if let Some(WholeNumber(bytes)) = self.payload_bytes {
            limits.payload_bytes = u64::from(bytes);
            if limits.payload_bytes > most.payload_bytes {
                return Err(too_much("payloadBytes", most.payload_bytes));
            }
        }
        if let Some(WholeNumber(seconds)) = self.message_expiry_seconds {
            limits.message_expiry_seconds = seconds;
        }
        Ok(limits)
    }
}

fn too_much(field: &str, most: impl std::fmt::Display) -> InvalidConfig {
    InvalidConfig::new(format_args!("limits.{field}"), format_args!("MQTT can carry {most} at most"))
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
