//! Problems (RFC 9457): the answer to a refused request.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::fault::Fault;
use crate::{PREFERENCE_APPLIED, ReasonCode, RequestId, Wait};

/// Why a request is refused, with every parameter that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", code.as_str())]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    broker: Option<BrokerReason>,
    violations: Vec<Violation>,
    /// The value of `Allow`, with [`Code::MethodNotAllowed`].
    allow: &'static str,
    /// In seconds.
    retry_after: u32,
    /// The value of `Preference-Applied`.
    applied: Option<Wait>,
}

/// A parameter that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The name of the parameter.
    pub parameter: Cow<'static, str>,
    /// The part of the request that it is in.
    #[serde(rename = "in")]
    pub location: Location,
    /// The rule.
    pub code: Code,
    /// What is wrong, and what is expected.
    pub detail: Cow<'static, str>,
    /// The offset in bytes, from 0, in the value as it was sent; for `mqtt-user-properties`, in the decoded JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The largest allowed size, in the unit that `detail` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The size of the value, in the same unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<u64>,
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    /// The query.
    Query,
    /// A header field.
    Header,
    /// The payload.
    Body,
}

/// The reason that the broker gave.
#[derive(Clone, Debug, PartialEq, Eq)]
struct BrokerReason {
    reason_code: ReasonCode,
    reason_string: Option<String>,
}

/// The members of the document, in the order in which they are written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mqtt_reason_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mqtt_reason_string: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Violation]>::is_empty")]
    violations: &'a [Violation],
}

/// The bytes that the members other than `detail` and `violations` usually take, for reserving memory.
const MEMBERS_BYTES: usize = 320;

/// The bytes that a violation without its `detail` usually takes.
const VIOLATION_BYTES: usize = 144;

/// The `Retry-After` of problems that may pass, in seconds, unless it is known better.
const RETRY_AFTER_SECONDS: u32 = 1;

/// The method of HTTP Publish.
const PUBLISH_METHOD: &str = "POST";

// === impl Problem ===

impl Problem {
    /// The media type of [`Problem::to_json`].
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// A problem without violations.
    #[cold]
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            broker: None,
            violations: Vec::new(),
            allow: PUBLISH_METHOD,
            retry_after: RETRY_AFTER_SECONDS,
            applied: None,
        }
    }

    /// Adds the reason that the broker gave.
    #[must_use]
    pub fn from_broker(mut self, reason_code: ReasonCode, reason_string: Option<String>) -> Self {
        self.broker = Some(BrokerReason { reason_code, reason_string });
        self
    }

    /// Sets the value of `Retry-After` in seconds, for a problem that may pass.
    #[must_use]
    pub const fn retry_in(mut self, seconds: u32) -> Self {
        self.retry_after = seconds;
        self
    }

    /// Sets the value of `Preference-Applied`: the request waited for a reply to its message.
    #[must_use]
    pub const fn applied(mut self, wait: Wait) -> Self {
        self.applied = Some(wait);
        self
    }

    /// The same, with these violations.
    #[must_use]
    pub(crate) fn with_violations(mut self, violations: Vec<Violation>) -> Self {
        self.violations = violations;
        self
    }

    /// A problem with these violations; `None` if there are none. Its code is that of the first violation with the
    /// smallest status: malformed (400) comes before forbidden (403), too large (413) and a content coding (415).
    pub(crate) fn from_violations(violations: Vec<Violation>) -> Option<Self> {
        let first = violations.iter().min_by_key(|violation| violation.code.status())?;
        let code = first.code;
        let detail = match violations.len() {
            1 => first.detail.clone(),
            count => format!("{count} things are wrong with this request; violations names each").into(),
        };
        Some(Self {
            code,
            detail,
            broker: None,
            violations,
            allow: PUBLISH_METHOD,
            retry_after: RETRY_AFTER_SECONDS,
            applied: None,
        })
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The HTTP status of the answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.code.status()
    }

    /// What is wrong with this request.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Every parameter that is wrong; empty if the problem is not a parameter.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The Reason Code, if the broker gave one.
    #[must_use]
    pub fn reason_code(&self) -> Option<ReasonCode> {
        self.broker.as_ref().map(|broker| broker.reason_code)
    }

    /// The value of `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        self.code.may_succeed_later().then_some(self.retry_after)
    }

    /// Names the methods that are allowed, with [`Code::MethodNotAllowed`].
    #[must_use]
    pub(crate) const fn allowing(mut self, methods: &'static str) -> Self {
        self.allow = methods;
        self
    }

    /// The value of `Allow` (RFC 9110, 15.5.6).
    #[must_use]
    pub fn allow(&self) -> Option<&'static str> {
        (self.code == Code::MethodNotAllowed).then_some(self.allow)
    }

    /// The value of `WWW-Authenticate` (RFC 9110, 15.5.2).
    #[must_use]
    pub fn www_authenticate(&self) -> Option<&'static str> {
        (self.code == Code::Unauthenticated).then_some("Bearer")
    }

    /// The value of `Accept-Encoding` (RFC 9110, 15.5.16).
    #[must_use]
    pub fn accept_encoding(&self) -> Option<&'static str> {
        (self.code == Code::UnsupportedContentEncoding).then_some("identity")
    }

    /// The header fields of the answer: its media type, and those that its code requires.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, Cow<'static, str>)> {
        let fixed = |name, value: Option<&'static str>| value.map(|value| (name, Cow::Borrowed(value)));
        [
            fixed("content-type", Some(Self::MEDIA_TYPE)),
            fixed("allow", self.allow()),
            fixed("www-authenticate", self.www_authenticate()),
            fixed("accept-encoding", self.accept_encoding()),
            self.retry_after().map(|seconds| ("retry-after", seconds.to_string().into())),
            self.reason_code().map(|ReasonCode(code)| (crate::REASON_CODE, code.to_string().into())),
            self.applied.map(|wait| (PREFERENCE_APPLIED, wait.to_string().into())),
        ]
        .into_iter()
        .flatten()
    }

    /// The problem document.
    #[must_use]
    pub fn to_json(&self, request_id: Option<RequestId<'_>>) -> Vec<u8> {
        let document = Document {
            r#type: format!("urn:problem-type:postmqtt:{}", self.code.as_str()),
            title: self.code.title(),
            status: self.status(),
            detail: &self.detail,
            code: self.code.as_str(),
            request_id: request_id.map(RequestId::as_str),
            mqtt_reason_code: self.reason_code().map(|reason_code| reason_code.0),
            mqtt_reason_string: self.broker.as_ref().and_then(|broker| broker.reason_string.as_deref()),
            violations: &self.violations,
        };
        let violation = |violation: &Violation| violation.detail.len() + VIOLATION_BYTES;
        let details = self.detail.len() + self.violations.iter().map(violation).sum::<usize>();
        let mut json = Vec::with_capacity(MEMBERS_BYTES + details);
        // Serializing strings and numbers into a Vec cannot fail.
        let _ = serde_json::to_writer(&mut json, &document);
        json
    }
}

// === impl Violation ===

impl Violation {
    pub(crate) fn new(parameter: impl Into<Cow<'static, str>>, location: Location, fault: Fault) -> Self {
        let Fault { code, detail, offset, limit, actual } = fault;
        Self { parameter: parameter.into(), location, code, detail, offset, limit, actual }
    }
}

impl From<Violation> for Problem {
    fn from(violation: Violation) -> Self {
        Self {
            code: violation.code,
            detail: violation.detail.clone(),
            broker: None,
            violations: vec![violation],
            allow: PUBLISH_METHOD,
            retry_after: RETRY_AFTER_SECONDS,
            applied: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn document(problem: &Problem, request_id: Option<&str>) -> Value {
        let request_id = request_id.and_then(|id| RequestId::new(id.as_bytes()));
        serde_json::from_slice(&problem.to_json(request_id)).unwrap()
    }

    #[test]
    fn a_problem_document_has_the_members_of_rfc_9457_and_its_extensions() {
        let fault = Fault::check_limit(Code::TopicTooLong, "too long", 256, 257).unwrap_err().at(3);
        let problem = Problem::from(Violation::new("topic", Location::Query, fault));
        assert_eq!(
            document(&problem, Some("id-1")),
            json!({
                "type": "urn:problem-type:postmqtt:TopicTooLong",
                "title": "The Topic Name is too long",
                "status": 403,
                "detail": "too long",
                "code": "TopicTooLong",
                "requestId": "id-1",
                "violations": [{
                    "parameter": "topic", "in": "query", "code": "TopicTooLong", "detail": "too long",
                    "offset": 3, "limit": 256, "actual": 257,
                }],
            })
        );
    }

    #[test]
    fn the_brokers_reason_is_part_of_the_document() {
        let problem = Problem::new(Code::NotAuthorized, "denied")
            .from_broker(ReasonCode(0x87), Some("no \"way\"\u{7}".to_owned()));
        let document = document(&problem, None);
        assert_eq!(document["mqttReasonCode"], 135);
        assert_eq!(document["mqttReasonString"], "no \"way\"\u{7}");
        assert_eq!(document.get("requestId"), None);
        assert_eq!(document.get("violations"), None);
    }

    #[test]
    fn malformed_comes_before_forbidden_before_too_large_before_encoded() {
        let violation = |code| Violation::new("topic", Location::Query, Fault::new(code, "detail"));
        let rows: &[(&[Code], Code)] = &[
            (&[Code::TopicWildcard, Code::InvalidQos, Code::InvalidRetain], Code::InvalidQos),
            (&[Code::PayloadTooLarge, Code::TopicReserved, Code::TopicWildcard], Code::TopicReserved),
            (&[Code::UnsupportedContentEncoding, Code::PayloadTooLarge], Code::PayloadTooLarge),
        ];
        for (given, expected) in rows {
            let problem = Problem::from_violations(given.iter().map(|&code| violation(code)).collect());
            assert_eq!(problem.unwrap().code(), *expected, "{given:?}");
        }
    }

    #[test]
    fn the_fields_follow_from_the_code() {
        let rows: &[(Code, &[(&str, &str)])] = &[
            (Code::InvalidQos, &[]),
            (Code::MethodNotAllowed, &[("allow", "POST")]),
            (Code::Unauthenticated, &[("www-authenticate", "Bearer")]),
            (Code::UnsupportedContentEncoding, &[("accept-encoding", "identity")]),
            (Code::QuotaExceeded, &[("retry-after", "1")]),
            (Code::BrokerUnavailable, &[("retry-after", "1")]),
            (Code::IdempotencyKeyInUse, &[("retry-after", "1")]),
            (Code::IdempotencyKeyReused, &[]),
            (Code::AcknowledgementTimeout, &[]),
        ];
        for (code, expected) in rows {
            let problem = Problem::new(*code, "detail");
            let fields: Vec<_> = problem.fields().skip(1).collect();
            let expected: Vec<_> =
                expected.iter().map(|&(name, value)| (name, Cow::Borrowed(value))).collect();
            assert_eq!(fields, expected, "{code:?}");
        }
    }
}
