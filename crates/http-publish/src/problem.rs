//! Problems (RFC 9457): what a refused client is told, built and rendered in one place.

use std::borrow::Cow;

use serde::Serialize;

use crate::code::Code;
use crate::fault::Fault;
use crate::{ReasonCode, RequestId};

/// Why a request is refused: one reason, or every parameter that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    broker: Option<BrokerWord>,
    violations: Vec<Violation>,
}

/// One broken rule, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The parameter's name, as the request spells it.
    pub parameter: &'static str,
    /// The part of the request it stands in.
    #[serde(rename = "in")]
    pub location: Location,
    /// Which rule.
    pub code: Code,
    /// What is wrong, and what would be right.
    pub detail: Cow<'static, str>,
    /// Where in the value as it was sent (of `mqtt-user-properties`: in its JSON), in bytes from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The most that is allowed, in the unit that `detail` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// How much there was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<u64>,
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    /// The query of its target.
    Query,
    /// A field of its head.
    Header,
    /// Its payload.
    Body,
}

/// What the broker said.
#[derive(Clone, Debug, PartialEq, Eq)]
struct BrokerWord {
    reason_code: ReasonCode,
    reason_string: Option<String>,
}

/// The document's members, in the order in which they are written.
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

/// Seconds after which a client may try again what is refused for now.
const RETRY_AFTER_SECONDS: u32 = 1;

// === impl Problem ===

impl Problem {
    /// The media type of [`Problem::to_json`].
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// A problem with one reason.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), broker: None, violations: Vec::new() }
    }

    /// Adds what the broker said.
    #[must_use]
    pub fn from_broker(mut self, reason_code: ReasonCode, reason_string: Option<String>) -> Self {
        self.broker = Some(BrokerWord { reason_code, reason_string });
        self
    }

    /// Every parameter that is wrong. Its code is the first violation's among those that decide the status: what makes
    /// a request malformed (400) comes before what may not be done (403) before what is too large (413).
    pub(crate) fn from_violations(violations: Vec<Violation>) -> Option<Self> {
        let first = violations.iter().min_by_key(|violation| violation.code.status())?;
        let code = first.code;
        let detail = match violations.len() {
            1 => first.detail.clone(),
            count => format!("{count} things are wrong with this request; violations names each").into(),
        };
        Some(Self { code, detail, broker: None, violations })
    }

    /// Its stable name.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The HTTP status to answer with.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.code.status()
    }

    /// What happened this time.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Every parameter that is wrong; empty where the problem lies elsewhere.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The Reason Code, where the broker gave one.
    #[must_use]
    pub fn reason_code(&self) -> Option<ReasonCode> {
        self.broker.as_ref().map(|broker| broker.reason_code)
    }

    /// What the answer's `Retry-After` says, in seconds.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        self.code.may_succeed_later().then_some(RETRY_AFTER_SECONDS)
    }

    /// What the answer's `Allow` says.
    #[must_use]
    pub fn allow(&self) -> Option<&'static str> {
        (self.code == Code::MethodNotAllowed).then_some("POST")
    }

    /// What the answer's `WWW-Authenticate` says.
    #[must_use]
    pub fn www_authenticate(&self) -> Option<&'static str> {
        (self.code == Code::Unauthenticated).then_some("Bearer")
    }

    /// The answer's fields besides its status: media type, and what the code calls for.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, Cow<'static, str>)> {
        let fixed = |name, value: Option<&'static str>| value.map(|value| (name, Cow::Borrowed(value)));
        [
            fixed("content-type", Some(Self::MEDIA_TYPE)),
            fixed("allow", self.allow()),
            fixed("www-authenticate", self.www_authenticate()),
            self.retry_after().map(|seconds| ("retry-after", seconds.to_string().into())),
            self.reason_code().map(|ReasonCode(code)| (crate::REASON_CODE, code.to_string().into())),
        ]
        .into_iter()
        .flatten()
    }

    /// The document.
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
        // Strings and numbers written to a Vec do not fail.
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

// === impl Violation ===

impl Violation {
    pub(crate) fn new(parameter: &'static str, location: Location, fault: Fault) -> Self {
        let Fault { code, detail, offset, limit, actual } = fault;
        Self { parameter, location, code, detail, offset, limit, actual }
    }
}

impl From<Violation> for Problem {
    fn from(violation: Violation) -> Self {
        Self {
            code: violation.code,
            detail: violation.detail.clone(),
            broker: None,
            violations: vec![violation],
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
    fn a_problem_has_the_members_of_rfc_9457_and_ours() {
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
    fn what_the_broker_said_is_passed_on_as_json_text() {
        let problem = Problem::new(Code::NotAuthorized, "denied")
            .from_broker(ReasonCode(0x87), Some("no \"way\"\u{7}".to_owned()));
        let document = document(&problem, None);
        assert_eq!(document["mqttReasonCode"], 135);
        assert_eq!(document["mqttReasonString"], "no \"way\"\u{7}");
        assert_eq!(document.get("requestId"), None);
        assert_eq!(document.get("violations"), None);
    }

    #[test]
    fn malformed_comes_before_forbidden_before_too_large() {
        let violation = |code| Violation::new("topic", Location::Query, Fault::new(code, "detail"));
        let rows: &[(&[Code], Code)] = &[
            (&[Code::TopicWildcard, Code::InvalidQos, Code::InvalidRetain], Code::InvalidQos),
            (&[Code::PayloadTooLarge, Code::TopicReserved, Code::TopicWildcard], Code::TopicReserved),
            (&[Code::PayloadTooLarge], Code::PayloadTooLarge),
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
            (Code::QuotaExceeded, &[("retry-after", "1")]),
            (Code::BrokerUnavailable, &[("retry-after", "1")]),
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
