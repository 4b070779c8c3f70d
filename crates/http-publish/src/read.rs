//! Reading a request: every rule is checked, and each broken one becomes a violation.

use crate::code::Code;
use crate::fault::{Fault, Faults};
use crate::field;
use crate::head::{RequestHead, Slot};
use crate::query::Query;
use crate::{
    ApiVersion, ContentType, CorrelationData, IdempotencyKey, Ignored, Location, MessageExpiryInterval,
    PayloadFormatIndicator, Problem, Publish, Purpose, QoS, ResponseTopic, Retain, Rules, TopicName,
    UnknownParameters, UserProperties, Violation,
};
use crate::{content_encoding, payload, unencoded};

/// Reads the head of a request to [`Rules::path`]. The payload is checked by a [`PayloadCheck`](crate::PayloadCheck).
///
/// # Errors
/// Returns a problem with every violation of the head, including a `content-length` over the limit.
pub fn read<'a>(head: &RequestHead<'a>, rules: &'a Rules) -> Result<Publish<'a>, Problem> {
    if head.method() != b"POST" {
        return Err(Problem::new(Code::MethodNotAllowed, "messages are published with POST"));
    }
    let limits = &rules.limits;
    let query = Query::of_target(head.target());
    let mut violations = Violations::default();

    let topic_name = violations.required(query.topic, |raw| TopicName::parse(raw, limits));
    let (qos_source, qos) = query_over_field(("qos", query.qos), (field::QOS, head.qos));
    let qos = violations.optional(qos_source, qos, |raw| one(QoS::parse(raw)));
    let (retain_source, retain) = query_over_field(("retain", query.retain), (field::RETAIN, head.retain));
    let retain = violations.optional(retain_source, retain, |raw| one(Retain::parse(raw)));
    let response_topic =
        violations.field(field::RESPONSE_TOPIC, head.response_topic, |raw| ResponseTopic::parse(raw, limits));
    let correlation_data = violations.field(field::CORRELATION_DATA, head.correlation_data, |raw| {
        one(CorrelationData::parse(raw, limits))
    });
    let user_properties = violations
        .field(field::USER_PROPERTIES, head.user_properties, |raw| UserProperties::parse(raw, limits));
    let content_type =
        violations.field(field::CONTENT_TYPE, head.content_type, |raw| ContentType::parse(raw, limits));
    let message_expiry_interval = violations.field(field::MESSAGE_EXPIRY, head.message_expiry, |raw| {
        one(MessageExpiryInterval::parse(raw, limits.message_expiry_seconds))
    });
    let payload_format_indicator =
        violations.field(field::PAYLOAD_FORMAT_INDICATOR, head.payload_format_indicator, |raw| {
            one(PayloadFormatIndicator::parse(raw))
        });
    let idempotency_key =
        violations.field(field::IDEMPOTENCY_KEY, head.idempotency_key, |raw| one(IdempotencyKey::parse(raw)));
    let wait = head.preferences.wait();
    if idempotency_key.is_some() && wait.is_some() {
        let fault = Fault::new(Code::InvalidIdempotencyKey, WAITS);
        violations.0.push(Violation::new(field::IDEMPOTENCY_KEY, Location::Header, fault));
    }
    let (api_version, purpose) = violations.common(head, &query, rules, limits.payload_bytes);

    match (topic_name, Problem::from_violations(violations.0)) {
        (Some(topic_name), None) => Ok(Publish {
            topic_name,
            qos: qos.unwrap_or_default(),
            retain: retain.unwrap_or_default(),
            response_topic,
            correlation_data,
            user_properties: user_properties.unwrap_or_default(),
            content_type,
            message_expiry_interval: message_expiry_interval.flatten(),
            payload_format_indicator: payload_format_indicator.unwrap_or_default(),
            idempotency_key,
            api_version,
            purpose: purpose.unwrap_or_default(),
            wait,
        }),
        (_, Some(problem)) => Err(problem),
        // A missing topic is a violation, so this is not reached.
        (None, None) => Err(Problem::new(Code::MissingTopic, MISSING_TOPIC)),
    }
}

const WAITS: &str = "a request with Prefer: wait has no Idempotency-Key, since its reply is not kept";

const MISSING_TOPIC: &str = "the query has no topic; write ?topic= and the percent-encoded Topic Name";

/// The name of a parameter, and the part of the request that it was found in.
#[derive(Clone, Copy)]
struct Source {
    name: &'static str,
    location: Location,
}

/// The broken rules of a head.
#[derive(Default)]
pub(crate) struct Violations(pub(crate) Vec<Violation>);

// === impl Violations ===

impl Violations {
    /// Reads what every request has: API version and purpose. Checks the query, the content coding, unknown parameters and
    /// the announced size of the payload.
    pub(crate) fn common<'a>(
        &mut self,
        head: &RequestHead<'a>,
        query: &Query<'a>,
        rules: &'a Rules,
        payload_bytes: u64,
    ) -> (Option<ApiVersion<'a>>, Option<Purpose>) {
        let api_version = self
            .query("api-version", query.api_version, |raw| one(ApiVersion::parse(raw, &rules.api_versions)));
        let purpose = self.query("dry-run", query.dry_run, |raw| one(Purpose::parse(raw)));
        self.0.extend(unencoded::violation(head.target()));
        if head.is_encoded {
            let fault = content_encoding::unsupported();
            self.0.push(Violation::new(field::CONTENT_ENCODING, Location::Header, fault));
        }
        if rules.unknown_parameters == UnknownParameters::Refuse {
            self.0.extend(head.ignored().into_iter().map(Ignored::into_violation));
        }
        if let Some(length) = head.content_length()
            && let Err(fault) = payload::check_size(length, payload_bytes)
        {
            self.0.push(payload::violation(fault));
        }
        (api_version, purpose)
    }

    /// Reads a value that may be absent. A repeated one is a violation, and none of its values is read.
    fn optional<'a, T>(
        &mut self,
        source: Source,
        slot: Slot<'a>,
        parse: impl FnOnce(&'a [u8]) -> Result<T, Faults>,
    ) -> Option<T> {
        match slot {
            Slot::Absent => {}
            Slot::Once(raw) => match parse(raw) {
                Ok(value) => return Some(value),
                Err(faults) => self.add(source, faults),
            },
            Slot::Repeated => self.add(source, vec![repeated()]),
        }
        None
    }

    /// Out of line, since there is a copy of what calls it for every parameter.
    #[cold]
    fn add(&mut self, source: Source, faults: Faults) {
        self.0.extend(faults.into_iter().map(|fault| Violation::new(source.name, source.location, fault)));
    }

    pub(crate) fn query<'a, T>(
        &mut self,
        name: &'static str,
        slot: Slot<'a>,
        parse: impl FnOnce(&'a [u8]) -> Result<T, Faults>,
    ) -> Option<T> {
        self.optional(Source { name, location: Location::Query }, slot, parse)
    }

    pub(crate) fn field<'a, T>(
        &mut self,
        name: &'static str,
        slot: Slot<'a>,
        parse: impl FnOnce(&'a [u8]) -> Result<T, Faults>,
    ) -> Option<T> {
        self.optional(Source { name, location: Location::Header }, slot, parse)
    }

    fn required<'a, T>(
        &mut self,
        slot: Slot<'a>,
        parse: impl FnOnce(&'a [u8]) -> Result<T, Faults>,
    ) -> Option<T> {
        if slot == Slot::Absent {
            let fault = Fault::new(Code::MissingTopic, MISSING_TOPIC);
            self.0.push(Violation::new("topic", Location::Query, fault));
        }
        self.query("topic", slot, parse)
    }
}

/// The query takes precedence. The value of the field is then not read.
fn query_over_field<'a>(
    query: (&'static str, Slot<'a>),
    field: (&'static str, Slot<'a>),
) -> (Source, Slot<'a>) {
    match query {
        (_, Slot::Absent) => (Source { name: field.0, location: Location::Header }, field.1),
        (name, slot) => (Source { name, location: Location::Query }, slot),
    }
}

#[cold]
fn repeated() -> Fault {
    Fault::new(Code::DuplicateParameter, "the parameter was given more than once")
}

fn one<T>(read: Result<T, Fault>) -> Result<T, Faults> {
    read.map_err(|fault| vec![fault])
}

#[cfg(test)]
mod tests;
