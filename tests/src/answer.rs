//! An answer, and what every refusal has to be like.

use serde_json::Value;

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A refusal: a problem document (RFC 9457) that was found to be complete.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The status.
    pub status: u16,
    /// Its stable name.
    pub code: String,
    /// What happened.
    pub detail: String,
    /// Every parameter that is wrong.
    pub violations: Vec<Violation>,
    /// The whole document.
    pub document: Value,
    /// The answer that it came in.
    pub answer: Answer,
}

/// One of a problem's violations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// `query`, `header` or `body`.
    pub location: String,
    /// The parameter.
    pub parameter: String,
    /// Which rule.
    pub code: String,
    /// What is wrong.
    pub detail: String,
}

// === impl Answer ===

impl Answer {
    /// A header that is there at most once.
    ///
    /// # Panics
    /// Where it is there twice.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(given, _)| given == name).map(|(_, value)| value);
        let value = values.next();
        assert_eq!(values.next(), None, "{name} is there twice: {self:?}");
        value.map(String::as_str)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// That the message was published, with this status: an empty answer that names its request, and says what the
    /// broker said where it did (everything but QoS 0).
    ///
    /// # Panics
    /// Where it was not.
    pub fn expect_published(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}\n{}", self.text());
        assert_eq!(self.text(), "", "{self:?}");
        assert!(!self.request_id().is_empty());
    }

    /// That it was refused, as every refusal has to be.
    ///
    /// # Panics
    /// Where it was not, or in another way.
    #[must_use]
    pub fn expect_problem(&self) -> Problem {
        assert!(self.status >= 400, "this is no refusal: {self:?}\n{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let document: Value =
            serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()));
        let text = |member: &str| {
            let value = document[member].as_str().unwrap_or_default();
            assert!(!value.trim().is_empty(), "{member} is missing in {document:#}");
            value.to_owned()
        };
        let code = text("code");
        assert_eq!(text("type"), format!("urn:problem-type:postmqtt:{code}"), "{document:#}");
        text("title");
        assert_eq!(document["status"], self.status, "{document:#}");
        assert_eq!(text("requestId"), self.request_id(), "{document:#}");
        for member in document.as_object().expect("a problem is an object").keys() {
            assert!(MEMBERS.contains(&member.as_str()), "what is {member} in {document:#}");
        }
        assert!(!self.text().contains("eyJ"), "a token is in {document:#}");
        let retry = matches!(self.status, 429 | 503);
        assert_eq!(self.header("retry-after").is_some(), retry, "{self:?} {document:#}");
        let violations = document["violations"].as_array().cloned().unwrap_or_default();
        Problem {
            status: self.status,
            code,
            detail: text("detail"),
            violations: violations.iter().map(Violation::read).collect(),
            document,
            answer: self.clone(),
        }
    }

    /// The request's id.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn request_id(&self) -> &str {
        let id = self.header("x-request-id").unwrap_or_default();
        assert!(!id.is_empty(), "there is no x-request-id: {self:?}\n{}", self.text());
        id
    }
}

/// The members that a problem may have.
const MEMBERS: [&str; 9] = [
    "type",
    "title",
    "status",
    "detail",
    "code",
    "requestId",
    "mqttReasonCode",
    "mqttReasonString",
    "violations",
];

// === impl Problem ===

impl Problem {
    /// Location, parameter and code of every violation, sorted.
    #[must_use]
    pub fn places<'a>(&'a self) -> Vec<(&'a str, &'a str, &'a str)> {
        let place = |violation: &'a Violation| {
            (violation.location.as_str(), violation.parameter.as_str(), violation.code.as_str())
        };
        let mut places: Vec<_> = self.violations.iter().map(place).collect();
        places.sort_unstable();
        places
    }
}

// === impl Violation ===

impl Violation {
    fn read(value: &Value) -> Self {
        let text = |member: &str| {
            let text = value[member].as_str().unwrap_or_default();
            assert!(!text.trim().is_empty(), "{member} is missing in the violation {value}");
            text.to_owned()
        };
        for (member, value) in value.as_object().expect("a violation is an object") {
            let is_number = matches!(member.as_str(), "offset" | "limit" | "actual") && value.is_u64();
            let is_text = matches!(member.as_str(), "parameter" | "in" | "code" | "detail");
            assert!(is_number || is_text, "what is {member}: {value} in a violation");
        }
        let location = text("in");
        assert!(["query", "header", "body"].contains(&location.as_str()), "{value}");
        Self { location, parameter: text("parameter"), code: text("code"), detail: text("detail") }
    }
}
