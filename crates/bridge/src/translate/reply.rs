//! From a received message to an answer: of the request that it replies to, or of one for a retained message.

use bytes::Bytes;
use http_publish::{Code, CorrelationData, Limits, Problem, ReceivedProperties, UserProperties};
use mqtt_sessions::Chain;
use mqtt_sessions::PayloadFormat;
use mqtt_sessions::budget::Permit;
use mqtt_sessions::codec::received::ReceivedPublish;
use mqtt_sessions::replies::{ExpectError, Reply};
use mqtt_sessions::retained::ReadError;
use mqtt_sessions::subscriber::SubscribeError;

use super::answer::problem;

/// The body and the header fields of an answer.
#[derive(Debug)]
pub(crate) struct Replied {
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

/// A payload, counted until it is written.
struct Counted {
    payload: Bytes,
    _permit: Permit,
}

/// The answer that passes a reply on. The request's Correlation Data, which the bridge replaced, is restored.
///
/// # Errors
///
/// Returns a problem if a property of the reply does not fit into the answer.
pub(crate) fn replied(
    reply: Reply,
    correlation_data: Option<&CorrelationData>,
    limits: &Limits,
) -> Result<Replied, Problem> {
    let Reply { message, permit } = reply;
    let correlation_data = correlation_data.map(CorrelationData::as_bytes);
    let fields = ReceivedProperties { correlation_data, ..properties(&message) }.fields(limits)?;
    let body = Bytes::from_owner(Counted { payload: message.payload, _permit: permit });
    Ok(Replied { fields, body })
}

/// The answer that passes a retained message on.
///
/// # Errors
///
/// Returns a problem if a property of the message does not fit into the answer.
pub(crate) fn retained(
    message: ReceivedPublish,
    permit: Permit,
    limits: &Limits,
) -> Result<Replied, Problem> {
    let fields = properties(&message).fields(limits)?;
    let body = Bytes::from_owner(Counted { payload: message.payload, _permit: permit });
    Ok(Replied { fields, body })
}

/// The problem of retained messages that cannot be read.
pub(crate) fn unreadable(error: ReadError) -> Problem {
    let detail = Chain(&error).to_string();
    match error {
        ReadError::Subscribe(error) => subscription(error, detail),
        ReadError::Protocol(_) => Problem::new(Code::BrokerProtocolError, detail),
        ReadError::Lost(_) | ReadError::TimedOut(_) => Problem::new(Code::BrokerUnavailable, detail),
    }
}

/// The properties of a received message.
fn properties(message: &ReceivedPublish) -> ReceivedProperties<'_> {
    let pairs = message.user_properties.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    ReceivedProperties {
        content_type: message.content_type.as_deref(),
        response_topic: message.response_topic.as_deref(),
        correlation_data: message.correlation_data.as_deref(),
        user_properties: UserProperties::from_iter(pairs),
        message_expiry_interval: message.message_expiry_interval,
        is_utf8: message.payload_format == PayloadFormat::Utf8,
    }
}

/// The problem of a request that was not published, because its reply would not be received.
pub(crate) fn unexpected(error: ExpectError) -> Problem {
    let detail = format!("{}; nothing was published", Chain(&error));
    match error {
        ExpectError::Exhausted(_) | ExpectError::NoRandomness => Problem::new(Code::Overloaded, detail),
        ExpectError::Subscribe(error) => subscription(error, detail),
    }
}

fn subscription(error: SubscribeError, detail: String) -> Problem {
    match error {
        SubscribeError::Unavailable(error) => problem(error),
        SubscribeError::Closed => Problem::new(Code::BrokerUnavailable, detail),
        SubscribeError::TimedOut(_) => Problem::new(Code::SubscriptionFailed, detail),
        SubscribeError::Refused(reason) => Problem::new(Code::SubscriptionFailed, detail)
            .from_broker(http_publish::ReasonCode(reason.reason_code.0), reason.reason_string),
    }
}

// === impl Counted ===

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.payload
    }
}
