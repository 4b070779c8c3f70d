//! Batches: many messages in one request, one JSON object a line (`application/x-ndjson`).
//!
//! [`read()`] reads the head, [`Batch::lines`] the payload. A line that cannot be read spoils only itself. The answer has one
//! [`Result`](result) for each line, in the same order.

mod line;
mod normal_form;
mod refusal;
mod result;

use crate::code::Code;
use crate::fault::Fault;
use crate::field;
use crate::head::{RequestHead, Slot};
use crate::query::Query;
use crate::read::Violations;
use crate::{
    ApiVersion, Change, Limits, Location, PayloadFormatIndicator, Problem, Publish, Purpose, QoS, Retain,
    Rules, TopicName, UserProperties, Violation,
};

use normal_form::Topic;

pub use line::Line;
pub use refusal::{read_refusal, write_refusal};
pub use result::{refused, sent, shown};

/// The media type of a batch and of its answer.
pub const MEDIA_TYPE: &str = "application/x-ndjson";

/// In an answer: the number of messages of the batch.
pub const SIZE: &str = "mqtt-batch-size";
/// In an answer: the number of messages of the batch that were refused.
pub const REFUSED: &str = "mqtt-batch-refused";

/// The largest payload of a batch, in bytes.
pub const MAX_BYTES: u64 = 1024 * 1024;
/// The largest payload of a batch whose lines an edge has judged, with what it adds to them.
pub const MAX_JUDGED_BYTES: u64 = 4 * MAX_BYTES;
/// The largest number of lines.
pub const MAX_LINES: usize = 1000;

/// The head of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<'a> {
    /// The Topic Name of all messages. `None`: each line has its own.
    pub topic_name: Option<TopicName<'a>>,
    /// The User Properties that are added to each message. A message's own property with one of their names is dropped.
    pub user_properties: UserProperties,
    /// The version of HTTP Publish that the client named.
    pub api_version: Option<ApiVersion<'a>>,
    /// Whether the messages are published or only shown.
    pub purpose: Purpose,
}

/// Reads the head of a request to the path of batches ([`Rules::is_batch`]).
///
/// # Errors
/// Returns a problem with every violation of the head.
pub fn read<'a>(head: &RequestHead<'a>, rules: &'a Rules) -> Result<Batch<'a>, Problem> {
    if head.method() != b"POST" {
        return Err(Problem::new(Code::MethodNotAllowed, "batches are published with POST"));
    }
    let limits = &rules.limits;
    let query = Query::of_target(head.target());
    let mut violations = Violations::default();
    let topic_name = violations.query("topic", query.topic, |raw| TopicName::parse(raw, limits));
    let user_properties = violations
        .field(field::USER_PROPERTIES, head.user_properties, |raw| UserProperties::parse(raw, limits));
    let (api_version, purpose) = violations.common(head, &query, rules, MAX_BYTES);
    let of_a_line = [
        ("qos", Location::Query, query.qos),
        ("retain", Location::Query, query.retain),
        (field::QOS, Location::Header, head.qos),
        (field::RETAIN, Location::Header, head.retain),
        (field::RESPONSE_TOPIC, Location::Header, head.response_topic),
        (field::CORRELATION_DATA, Location::Header, head.correlation_data),
        (field::MESSAGE_EXPIRY, Location::Header, head.message_expiry),
        (field::PAYLOAD_FORMAT_INDICATOR, Location::Header, head.payload_format_indicator),
        (field::IDEMPOTENCY_KEY, Location::Header, head.idempotency_key),
    ];
    let given = of_a_line.into_iter().filter(|(_, _, slot)| *slot != Slot::Absent);
    violations.0.extend(given.map(|(name, location, _)| {
        let detail = "a batch has no such parameter; the properties of a message are members of its line";
        Violation::new(name, location, Fault::new(Code::UnknownParameter, detail))
    }));
    match Problem::from_violations(violations.0) {
        Some(problem) => Err(problem),
        None => Ok(Batch {
            topic_name,
            user_properties: user_properties.unwrap_or_default(),
            api_version,
            purpose: purpose.unwrap_or_default(),
        }),
    }
}

// === impl Batch ===

impl Batch<'_> {
    /// What the head says of every message, for policies. `None` if the batch has no topic.
    #[must_use]
    pub fn to_publish(&self) -> Option<Publish<'_>> {
        Some(Publish {
            topic_name: self.topic_name.clone()?,
            qos: QoS::default(),
            retain: Retain::default(),
            response_topic: None,
            correlation_data: None,
            user_properties: self.user_properties.clone(),
            content_type: None,
            message_expiry_interval: None,
            payload_format_indicator: PayloadFormatIndicator::default(),
            idempotency_key: None,
            api_version: self.api_version,
            purpose: self.purpose,
            wait: None,
        })
    }

    /// The lines of the payload, without line breaks and empty lines.
    ///
    /// # Errors
    /// Returns a problem if there are none, or more than [`MAX_LINES`].
    pub fn lines(payload: &[u8]) -> Result<Vec<&[u8]>, Problem> {
        let lines = payload.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        let lines: Vec<_> = lines.filter(|line| !line.is_empty()).take(MAX_LINES + 1).collect();
        if lines.is_empty() {
            return Err(Problem::new(Code::InvalidBatchLine, "the batch has no lines"));
        }
        if lines.len() > MAX_LINES {
            let detail = format!("the batch has more than {MAX_LINES} lines");
            return Err(Problem::new(Code::PayloadTooLarge, detail));
        }
        Ok(lines)
    }

    /// Reads a line.
    ///
    /// # Errors
    /// Returns a problem with every violation of the line.
    pub fn read_line<'a>(&'a self, line: &'a [u8], limits: &Limits) -> Result<Line<'a>, Problem> {
        Line::read(line, self, limits)
    }

    /// Appends a line in normal form: each member once, with one spelling, and without defaults. It has all User Properties of
    /// its message, those of the head included. Reading it again, of the same batch without User Properties, is the same line.
    pub fn write_line(&self, line: &Line<'_>, out: &mut Vec<u8>) {
        let topic = if self.topic_name.is_none() { Topic::InLine } else { Topic::InQuery };
        normal_form::write(line, topic, out);
    }

    /// Calls `apply` for each field of `head` that is not in normal form, as [`Publish::changes`] does.
    ///
    /// # Errors
    /// Returns the first error of `apply`.
    pub fn changes<E>(
        &self,
        head: &RequestHead<'_>,
        rules: &Rules,
        mut apply: impl FnMut(Change<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut scratch = format!("{}/batch", rules.path);
        let mut separator = '?';
        if let Some(topic_name) = &self.topic_name {
            scratch.push_str("?topic=");
            topic_name.encode_into(&mut scratch);
            separator = '&';
        }
        if let Some(version) = self.api_version {
            scratch.push(separator);
            scratch.push_str("api-version=");
            scratch.push_str(version.as_str());
            separator = '&';
        }
        if self.purpose == Purpose::DryRun {
            scratch.push(separator);
            scratch.push_str("dry-run=1");
        }
        if head.target() != scratch.as_bytes() {
            apply(Change::Set { name: field::PATH, value: &scratch })?;
        }
        if self.user_properties.is_empty() {
            return match head.user_properties {
                Slot::Absent => Ok(()),
                _ => apply(Change::Remove { name: field::USER_PROPERTIES }),
            };
        }
        scratch.clear();
        self.user_properties.encode_into(&mut scratch);
        if head.user_properties == Slot::Once(scratch.as_bytes()) {
            return Ok(());
        }
        apply(Change::Set { name: field::USER_PROPERTIES, value: &scratch })
    }
}

#[cfg(test)]
mod tests;
