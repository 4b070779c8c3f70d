//! The limits of each part of a message. A profile is a named set of limits.

use crate::mqtt_string;

/// The largest size of each part, inclusive.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Bytes of the Topic Name, decoded.
    pub topic_bytes: usize,
    /// Segments of the Topic Name: the number of its slashes plus one.
    pub topic_segments: usize,
    /// Bytes of the Response Topic, decoded.
    pub response_topic_bytes: usize,
    /// Bytes of the Correlation Data, decoded.
    pub correlation_data_bytes: usize,
    /// Bytes of all User Properties: the sum of the lengths of names and values.
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
    /// The limits that Azure Event Grid documents for its MQTT broker.
    #[default]
    Azure,
    /// The limits that AWS IoT Core documents.
    Aws,
    /// The limits of MQTT 5.0 itself.
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

    /// The name of the profile in a configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Azure => "azure",
            Self::Aws => "aws",
            Self::Mqtt5 => "mqtt5",
        }
    }

    /// The profile with that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == name)
    }

    /// The limits of the profile.
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

/// The largest Remaining Length of a packet, in bytes (MQTT 5.0, 2.1.4).
const MAX_REMAINING_LENGTH: usize = 268_435_455;
