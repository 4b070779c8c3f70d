//! Limits: how large each part of a message may be, as named profiles whose single values can be overridden.

use crate::mqtt_string;

/// The largest size of each part; a part of just this size is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Bytes of the Topic Name, decoded.
    pub topic_bytes: usize,
    /// Segments of the Topic Name: its slashes and one more.
    pub topic_segments: usize,
    /// Bytes of the Response Topic, decoded.
    pub response_topic_bytes: usize,
    /// Bytes of the Correlation Data, decoded.
    pub correlation_data_bytes: usize,
    /// Bytes of all User Properties: names and values added up.
    pub user_properties_bytes: usize,
    /// Bytes of the Content Type.
    pub content_type_bytes: usize,
    /// Seconds of the Message Expiry Interval.
    pub message_expiry_seconds: u32,
    /// Bytes of the payload.
    pub payload_bytes: u64,
}

/// A named set of limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// What Azure Event Grid's MQTT broker publishes.
    #[default]
    Azure,
    /// What AWS IoT Core publishes.
    Aws,
    /// What MQTT 5.0 itself can carry.
    Mqtt5,
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Profile::default().limits()
    }
}

// === impl Profile ===

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 3] = [Self::Azure, Self::Aws, Self::Mqtt5];

    /// The name by which a configuration chooses it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Azure => "azure",
            Self::Aws => "aws",
            Self::Mqtt5 => "mqtt5",
        }
    }

    /// The profile of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == name)
    }

    /// Its limits.
    #[must_use]
    pub const fn limits(self) -> Limits {
        match self {
            Self::Azure => Limits {
                topic_bytes: 256,
                topic_segments: 15,
                response_topic_bytes: 256,
                correlation_data_bytes: 256,
                user_properties_bytes: 32 * 1024,
                content_type_bytes: 256,
                message_expiry_seconds: u32::MAX,
                payload_bytes: 512 * 1024,
            },
            Self::Aws => Limits {
                topic_bytes: 256,
                topic_segments: 8,
                response_topic_bytes: 256,
                correlation_data_bytes: 256,
                user_properties_bytes: 8 * 1024,
                content_type_bytes: 256,
                message_expiry_seconds: 604_800,
                payload_bytes: 128 * 1024,
            },
            Self::Mqtt5 => Limits {
                topic_bytes: mqtt_string::MAX_BYTES,
                topic_segments: mqtt_string::MAX_BYTES + 1,
                response_topic_bytes: mqtt_string::MAX_BYTES,
                correlation_data_bytes: mqtt_string::MAX_BYTES,
                user_properties_bytes: MAX_REMAINING_LENGTH,
                content_type_bytes: mqtt_string::MAX_BYTES,
                message_expiry_seconds: u32::MAX,
                payload_bytes: MAX_REMAINING_LENGTH as u64,
            },
        }
    }
}

/// The most bytes behind a packet's fixed header (MQTT 5.0, 1.5.5).
const MAX_REMAINING_LENGTH: usize = 268_435_455;
