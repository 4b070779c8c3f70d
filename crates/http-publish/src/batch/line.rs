//! A line: a JSON object with the members that a dry run shows.

use std::borrow::Cow;

use serde::Deserialize;

use super::Batch;
use crate::code::Code;
use crate::fault::{Fault, Faults};
use crate::{
    ContentType, CorrelationData, Limits, Location, MessageExpiryInterval, PayloadFormatIndicator, Problem,
    Publish, QoS, ResponseTopic, Retain, TopicName, UserProperties, Utf8Check, Violation,
};
use crate::{base64, payload};

/// A message of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The message.
    pub publish: Publish<'a>,
    /// Its payload.
    pub payload: Cow<'a, [u8]>,
}

/// The members of a line.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Members<'a> {
    #[serde(borrow)]
    topic: Option<Text<'a>>,
    #[serde(borrow)]
    payload: Option<Text<'a>>,
    #[serde(borrow)]
    payload_base64: Option<Text<'a>>,
    qos: Option<u8>,
    retain: Option<bool>,
    #[serde(borrow)]
    response_topic: Option<Text<'a>>,
    #[serde(borrow)]
    correlation_data: Option<Text<'a>>,
    #[serde(borrow)]
    user_properties: Option<Vec<(Text<'a>, Text<'a>)>>,
    #[serde(borrow)]
    content_type: Option<Text<'a>>,
    message_expiry_interval: Option<u32>,
    payload_format_indicator: Option<u8>,
}

/// A JSON string, borrowed if it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Default)]
struct Violations(Vec<Violation>);

/// The most characters of a JSON error that are shown; it may quote the line.
const MAX_ERROR: usize = 200;

// === impl Line ===

impl<'a> Line<'a> {
    /// Reads a line of `batch`.
    ///
    /// # Errors
    /// Returns a problem with every violation.
    pub(super) fn read(line: &'a [u8], batch: &'a Batch<'a>, limits: &Limits) -> Result<Self, Problem> {
        let members: Members<'a> = serde_json::from_slice(line).map_err(|error| {
            let detail: String = error.to_string().chars().take(MAX_ERROR).collect();
            Problem::new(Code::InvalidBatchLine, detail)
        })?;
        let mut violations = Violations::default();
        let topic_name = match (&batch.topic_name, members.topic) {
            (Some(topic_name), None) => Some(topic_name.clone()),
            (Some(_), Some(_)) => {
                let detail = "the query names the topic of all messages; a line names none";
                violations.add("topic", vec![Fault::new(Code::DuplicateParameter, detail)]);
                None
            }
            (None, Some(Text(topic))) => violations.value("topic", TopicName::of_text(topic, limits)),
            (None, None) => {
                let detail = "neither the query nor the line names a topic";
                violations.add("topic", vec![Fault::new(Code::MissingTopic, detail)]);
                None
            }
        };
        let digit = |value: u8| value.to_string();
        let qos = members.qos.and_then(|qos| violations.one("qos", QoS::parse(digit(qos).as_bytes())));
        let format = members.payload_format_indicator.and_then(|format| {
            violations.one("payloadFormatIndicator", PayloadFormatIndicator::parse(digit(format).as_bytes()))
        });
        let response_topic = members
            .response_topic
            .and_then(|Text(topic)| violations.value("responseTopic", ResponseTopic::of_text(topic, limits)));
        let correlation_data = members.correlation_data.and_then(|Text(data)| {
            violations.one("correlationData", CorrelationData::parse(data.as_bytes(), limits))
        });
        let content_type = members
            .content_type
            .and_then(|Text(text)| violations.value("contentType", ContentType::of_text(text, limits)));
        let message_expiry_interval = members.message_expiry_interval.and_then(|seconds| {
            let seconds = seconds.to_string();
            let interval = MessageExpiryInterval::parse(seconds.as_bytes(), limits.message_expiry_seconds);
            violations.one("messageExpiryInterval", interval)
        });
        let own = members.user_properties.unwrap_or_default();
        let is_of_batch = |name: &str| batch.user_properties.iter().any(|(taken, _)| taken == name);
        let pairs = own.iter().map(|(Text(name), Text(value))| (name.as_ref(), value.as_ref()));
        let pairs = pairs.filter(|(name, _)| !is_of_batch(name)).chain(batch.user_properties.iter());
        let user_properties = violations.value("userProperties", UserProperties::of_pairs(pairs, limits));
        let format = format.unwrap_or_default();
        let payload = violations.payload(members.payload, members.payload_base64, format, limits);

        match (topic_name, payload, Problem::from_violations(violations.0)) {
            (Some(topic_name), Some(payload), None) => Ok(Self {
                publish: Publish {
                    topic_name,
                    qos: qos.unwrap_or_default(),
                    retain: if members.retain == Some(true) { Retain::Store } else { Retain::No },
                    response_topic,
                    correlation_data,
                    user_properties: user_properties.unwrap_or_default(),
                    content_type,
                    message_expiry_interval: message_expiry_interval.flatten(),
                    payload_format_indicator: format,
                    idempotency_key: None,
                    api_version: batch.api_version,
                    purpose: batch.purpose,
                    wait: None,
                },
                payload,
            }),
            (_, _, Some(problem)) => Err(problem),
            // A missing topic or payload is a violation, so this is not reached.
            (_, _, None) => Err(Problem::new(Code::InvalidBatchLine, "the line is not a message")),
        }
    }
}

// === impl Violations ===

impl Violations {
    fn add(&mut self, member: &'static str, faults: Faults) {
        self.0.extend(faults.into_iter().map(|fault| Violation::new(member, Location::Body, fault)));
    }

    fn value<T>(&mut self, member: &'static str, read: Result<T, Faults>) -> Option<T> {
        read.map_err(|faults| self.add(member, faults)).ok()
    }

    fn one<T>(&mut self, member: &'static str, read: Result<T, Fault>) -> Option<T> {
        self.value(member, read.map_err(|fault| vec![fault]))
    }

    fn payload<'a>(
        &mut self,
        text: Option<Text<'a>>,
        base64: Option<Text<'a>>,
        format: PayloadFormatIndicator,
        limits: &Limits,
    ) -> Option<Cow<'a, [u8]>> {
        let (member, bytes) = match (text, base64) {
            (Some(Text(Cow::Borrowed(text))), None) => ("payload", Cow::Borrowed(text.as_bytes())),
            (Some(Text(Cow::Owned(text))), None) => ("payload", Cow::Owned(text.into_bytes())),
            (None, Some(Text(text))) => {
                let bytes = self.one("payloadBase64", base64::decode(text.as_bytes()))?;
                ("payloadBase64", Cow::Owned(bytes))
            }
            (None, None) => return Some(Cow::Borrowed(&[])),
            (Some(_), Some(_)) => {
                let detail = "a line has payload or payloadBase64, not both";
                self.add("payload", vec![Fault::new(Code::DuplicateParameter, detail)]);
                return None;
            }
        };
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.one(member, payload::check_size(size, limits.payload_bytes))?;
        if format == PayloadFormatIndicator::Utf8 {
            let mut check = Utf8Check::default();
            if let Err(offset) = check.push(&bytes).and_then(|()| check.finish()) {
                let mut fault = Fault::new(
                    Code::PayloadNotUtf8,
                    "payloadFormatIndicator is 1, so the payload has to be UTF-8",
                );
                fault.offset = Some(offset);
                self.add(member, vec![fault]);
                return None;
            }
        }
        Some(bytes)
    }
}
