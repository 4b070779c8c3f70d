//! The head of a request: the fields that HTTP Publish reads, borrowed, each found once.

use crate::wait::Preferences;
use crate::{content_encoding, field};

/// A field or parameter that may be given once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Slot<'a> {
    /// It was not given.
    #[default]
    Absent,
    /// It was given once. An empty value is a value.
    Once(&'a [u8]),
    /// It was given more than once, so it has no value.
    Repeated,
}

/// Method, target and the fields that HTTP Publish reads, as they were sent.
#[derive(Clone, Debug, Default)]
pub struct RequestHead<'a> {
    method: &'a [u8],
    target: &'a [u8],
    request_id: Slot<'a>,
    pub(crate) qos: Slot<'a>,
    pub(crate) retain: Slot<'a>,
    pub(crate) response_topic: Slot<'a>,
    pub(crate) correlation_data: Slot<'a>,
    pub(crate) user_properties: Slot<'a>,
    pub(crate) content_type: Slot<'a>,
    pub(crate) message_expiry: Slot<'a>,
    pub(crate) payload_format_indicator: Slot<'a>,
    pub(crate) idempotency_key: Slot<'a>,
    content_length: Slot<'a>,
    pub(crate) preferences: Preferences,
    /// Whether a `content-encoding` names a coding other than `identity`.
    pub(crate) is_encoded: bool,
    /// The names of the first few fields that have HTTP Publish's prefix and do not exist.
    pub(crate) unknown: Vec<&'a [u8]>,
}

/// The number of unknown parameters that are named; a request could have thousands.
pub(crate) const MAX_UNKNOWN: usize = 16;

// === impl Slot ===

impl<'a> Slot<'a> {
    pub(crate) fn put(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Absent => Self::Once(value),
            Self::Once(_) | Self::Repeated => Self::Repeated,
        };
    }

    /// The value, if it was given once.
    pub(crate) const fn once(self) -> Option<&'a [u8]> {
        match self {
            Self::Once(value) => Some(value),
            Self::Absent | Self::Repeated => None,
        }
    }
}

// === impl RequestHead ===

impl<'a> RequestHead<'a> {
    /// Picks its fields from all fields of a request. Names are in lower case; `:method` and `:path` (with the query) are
    /// among them, as in HTTP/2 (RFC 9113, 8.3.1).
    pub fn from_fields(fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut head = Self::default();
        for (name, value) in fields {
            match name {
                b":method" => head.method = value,
                b":path" => head.target = value,
                b"content-encoding" => head.is_encoded |= !content_encoding::is_identity(value),
                _ if name == field::PREFER.as_bytes() => head.preferences.add(value),
                _ => {
                    if let Some(slot) = head.slot(name) {
                        slot.put(value);
                    } else if name.starts_with(field::PREFIX) && head.unknown.len() < MAX_UNKNOWN {
                        head.unknown.push(name);
                    }
                }
            }
        }
        head
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'a [u8] {
        self.method
    }

    /// Path and query.
    #[must_use]
    pub const fn target(&self) -> &'a [u8] {
        self.target
    }

    /// The request id. `None` if it is missing, repeated, or not a [`RequestId`](crate::RequestId).
    #[must_use]
    pub fn request_id(&self) -> Option<crate::RequestId<'a>> {
        self.request_id.once().and_then(crate::RequestId::new)
    }

    /// The number of bytes that the payload is announced to have; `None` if there is no single Content-Length that is a
    /// number (RFC 9110, 8.6).
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        std::str::from_utf8(self.content_length.once()?).ok()?.parse().ok()
    }

    fn slot(&mut self, name: &[u8]) -> Option<&mut Slot<'a>> {
        const QOS: &[u8] = field::QOS.as_bytes();
        const RETAIN: &[u8] = field::RETAIN.as_bytes();
        const RESPONSE_TOPIC: &[u8] = field::RESPONSE_TOPIC.as_bytes();
        const CORRELATION_DATA: &[u8] = field::CORRELATION_DATA.as_bytes();
        const USER_PROPERTIES: &[u8] = field::USER_PROPERTIES.as_bytes();
        const CONTENT_TYPE: &[u8] = field::CONTENT_TYPE.as_bytes();
        const MESSAGE_EXPIRY: &[u8] = field::MESSAGE_EXPIRY.as_bytes();
        const PAYLOAD_FORMAT_INDICATOR: &[u8] = field::PAYLOAD_FORMAT_INDICATOR.as_bytes();
        const IDEMPOTENCY_KEY: &[u8] = field::IDEMPOTENCY_KEY.as_bytes();
        const REQUEST_ID: &[u8] = field::REQUEST_ID.as_bytes();
        const CONTENT_LENGTH: &[u8] = field::CONTENT_LENGTH.as_bytes();
        match name {
            QOS => Some(&mut self.qos),
            RETAIN => Some(&mut self.retain),
            RESPONSE_TOPIC => Some(&mut self.response_topic),
            CORRELATION_DATA => Some(&mut self.correlation_data),
            USER_PROPERTIES => Some(&mut self.user_properties),
            CONTENT_TYPE => Some(&mut self.content_type),
            MESSAGE_EXPIRY => Some(&mut self.message_expiry),
            PAYLOAD_FORMAT_INDICATOR => Some(&mut self.payload_format_indicator),
            IDEMPOTENCY_KEY => Some(&mut self.idempotency_key),
            REQUEST_ID => Some(&mut self.request_id),
            CONTENT_LENGTH => Some(&mut self.content_length),
            _ => None,
        }
    }
}
