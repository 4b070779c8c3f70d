//! Requests for retained messages: one by its topic, or a list by a Topic Filter, as Azure Event Grid spells them.

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::fault::{Fault, Faults};
use crate::head::{RequestHead, Slot};
use crate::query::pairs;
use crate::{
    ApiVersion, Limits, Location, Problem, Rules, TopicName, Violation, base64, mqtt_string, percent,
    unencoded,
};

/// A valid request for retained messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetainedRequest<'a> {
    /// The retained message of a topic.
    Message(TopicName<'a>),
    /// A page of the topics that have one.
    List(Page),
}

/// A page of a list. As JSON in URL-safe Base64, it is a continuation token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The Topic Filter (MQTT 5.0, 4.7).
    #[serde(rename = "f")]
    pub topic_filter: String,
    /// The topic that the page follows, in the order of their bytes. `None`: it is the first page.
    #[serde(rename = "a", default)]
    pub after: Option<String>,
    /// The largest number of topics: 1 to 100.
    #[serde(rename = "n")]
    pub maximum: usize,
}

/// The largest page, which is also the default.
const MAXIMUM_RESULTS: usize = 100;

/// The methods of retained messages.
const ALLOW: &str = "GET, HEAD";

// === impl Rules ===

impl Rules {
    /// Whether a target (path and query) asks for retained messages.
    #[must_use]
    pub fn is_retained(&self, target: &[u8]) -> bool {
        Resource::of(target, self).is_some()
    }

    /// Whether no path has two meanings.
    #[must_use]
    pub fn has_distinct_paths(&self) -> bool {
        let batch = format!("{}/batch", self.path);
        ![&self.path, &batch].into_iter().any(|path| self.is_retained(path.as_bytes()))
    }
}

/// The values of the query, still percent-encoded.
#[derive(Clone, Copy, Default)]
struct Query<'a> {
    topic: Slot<'a>,
    topic_filter: Slot<'a>,
    max_results: Slot<'a>,
    continuation_token: Slot<'a>,
    api_version: Slot<'a>,
}

/// What a path asks for.
enum Resource {
    Message,
    List,
}

// === impl Resource ===

impl Resource {
    fn of(target: &[u8], rules: &Rules) -> Option<Self> {
        let rest = target.strip_prefix(rules.retained_path.as_bytes())?;
        let (resource, rest) = match rest.strip_prefix(b"/message") {
            Some(rest) => (Self::Message, rest),
            None => (Self::List, rest),
        };
        matches!(rest.first(), None | Some(b'?')).then_some(resource)
    }
}

// === impl Query ===

impl<'a> Query<'a> {
    fn of_target(target: &'a [u8]) -> Self {
        let mut query = Self::default();
        for (name, value) in pairs(target) {
            match percent::decode(name).as_deref() {
                Ok(b"topic") => query.topic.put(value),
                Ok(b"topicFilter") => query.topic_filter.put(value),
                Ok(b"maxResults") => query.max_results.put(value),
                Ok(b"continuationToken") => query.continuation_token.put(value),
                Ok(b"api-version") => query.api_version.put(value),
                _ => {}
            }
        }
        query
    }
}

// === impl RetainedRequest ===

impl<'a> RetainedRequest<'a> {
    /// Reads the head of a request for retained messages.
    ///
    /// # Errors
    /// Returns a problem with every violation, or one that says that the path or the method is another.
    pub fn read(head: &RequestHead<'a>, rules: &Rules) -> Result<Self, Problem> {
        let Some(resource) = Resource::of(head.target(), rules) else {
            return Err(Problem::new(Code::NotFound, "retained messages are at another path"));
        };
        if !matches!(head.method(), b"GET" | b"HEAD") {
            let problem = Problem::new(Code::MethodNotAllowed, "retained messages are read with GET or HEAD");
            return Err(problem.allowing(ALLOW));
        }
        let query = Query::of_target(head.target());
        let mut violations = Vec::new();
        let mut parameter = |name: &'static str, slot: Slot<'a>| match slot {
            Slot::Absent => None,
            Slot::Once(raw) => Some(raw),
            Slot::Repeated => {
                let fault = Fault::new(Code::DuplicateParameter, "the parameter was given more than once");
                violations.push(Violation::new(name, Location::Query, fault));
                None
            }
        };
        let version = parameter("api-version", query.api_version);
        let topic = parameter("topic", query.topic);
        let topic_filter = parameter("topicFilter", query.topic_filter);
        let token = parameter("continuationToken", query.continuation_token);
        let maximum = parameter("maxResults", query.max_results);
        let mut refuse = |name: &'static str, faults: Faults| {
            violations.extend(faults.into_iter().map(|fault| Violation::new(name, Location::Query, fault)));
        };

        if let Some(raw) = version
            && let Err(fault) = ApiVersion::parse(raw, &rules.api_versions)
        {
            refuse("api-version", vec![fault]);
        }
        let request = match resource {
            Resource::Message => match topic {
                None if query.topic == Slot::Absent => {
                    refuse("topic", vec![Fault::new(Code::MissingTopic, "the query has no topic")]);
                    None
                }
                None => None,
                Some(raw) => TopicName::parse(raw, &rules.limits)
                    .map_err(|faults| refuse("topic", faults))
                    .ok()
                    .map(Self::Message),
            },
            Resource::List => {
                let maximum = maximum.map_or(Ok(MAXIMUM_RESULTS), max_results);
                let maximum = maximum.map_err(|fault| refuse("maxResults", vec![fault])).ok();
                page(topic_filter, token, maximum, &rules.limits)
                    .map_err(|(name, fault)| refuse(name, vec![fault]))
                    .ok()
                    .map(Self::List)
            }
        };
        violations.extend(unencoded::violation(head.target()));
        match (request, Problem::from_violations(violations)) {
            (_, Some(problem)) => Err(problem),
            (Some(request), None) => Ok(request),
            // Every branch without a request has a violation, so this is not reached.
            (None, None) => Err(Problem::new(Code::MissingTopic, "the query has no topic")),
        }
    }
}

/// A new list, or the next page of one.
fn page(
    topic_filter: Option<&[u8]>,
    token: Option<&[u8]>,
    maximum: Option<usize>,
    limits: &Limits,
) -> Result<Page, (&'static str, Fault)> {
    let maximum = maximum.unwrap_or(MAXIMUM_RESULTS);
    match (topic_filter, token) {
        (Some(_), Some(_)) => {
            let detail = "a continuationToken continues a list, so it comes without a topicFilter";
            Err(("continuationToken", Fault::new(Code::InvalidContinuationToken, detail)))
        }
        (Some(raw), None) => {
            let topic_filter = topic_filter_of(raw, limits).map_err(|fault| ("topicFilter", fault))?;
            Ok(Page { topic_filter, after: None, maximum })
        }
        (None, Some(raw)) => Page::from_token(raw, limits).map_err(|fault| ("continuationToken", fault)),
        (None, None) => {
            let detail = "the query has neither topicFilter nor continuationToken";
            Err(("topicFilter", Fault::new(Code::MissingTopic, detail)))
        }
    }
}

fn max_results(raw: &[u8]) -> Result<usize, Fault> {
    let number = std::str::from_utf8(raw).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number =
        number.and_then(|text| text.parse().ok()).filter(|number| (1..=MAXIMUM_RESULTS).contains(number));
    number.ok_or_else(|| Fault::new(Code::InvalidMaxResults, "maxResults is a number from 1 to 100"))
}

/// Decodes and checks a Topic Filter (MQTT 5.0, 4.7.1).
fn topic_filter_of(raw: &[u8], limits: &Limits) -> Result<String, Fault> {
    let bytes = percent::decode(raw)?;
    let text = mqtt_string::from_bytes(&bytes)?;
    check_topic_filter(text, limits)?;
    Ok(text.to_owned())
}

fn check_topic_filter(text: &str, limits: &Limits) -> Result<(), Fault> {
    if text.is_empty() {
        return Err(Fault::new(Code::EmptyTopic, "a Topic Filter needs at least one character"));
    }
    if text.starts_with('$') {
        return Err(Fault::new(Code::TopicReserved, "topics that start with $ are reserved for the broker"));
    }
    let last = text.split('/').count().saturating_sub(1);
    let is_misplaced = |(index, level): (usize, &str)| match level {
        "+" => false,
        "#" => index != last,
        level => level.contains(['+', '#']),
    };
    if text.split('/').enumerate().any(is_misplaced) {
        let detail = "+ and # fill a whole level, and # is the last one";
        return Err(Fault::new(Code::InvalidTopicFilter, detail));
    }
    let detail = "the decoded Topic Filter is over the limit of bytes";
    Fault::check_limit(Code::TopicTooLong, detail, limits.topic_bytes, text.len())?;
    let detail = "the Topic Filter is over the limit of segments";
    Fault::check_limit(Code::TopicTooManySegments, detail, limits.topic_segments, last + 1)
}

// === impl Page ===

impl Page {
    /// The page after this one, which ended with the topic `last`.
    #[must_use]
    pub fn next(&self, last: &str) -> Self {
        Self { after: Some(last.to_owned()), ..self.clone() }
    }

    /// Path and query of the page.
    #[must_use]
    pub fn link(&self, rules: &Rules) -> String {
        // Serializing strings and numbers into a Vec cannot fail.
        let token = serde_json::to_vec(self).unwrap_or_default();
        let mut encoded = String::new();
        base64::encode_into(&token, &mut encoded);
        let encoded = encoded.trim_end_matches('=').replace('+', "-").replace('/', "_");
        format!("{}?continuationToken={encoded}", rules.retained_path)
    }

    fn from_token(raw: &[u8], limits: &Limits) -> Result<Self, Fault> {
        let invalid =
            || Fault::new(Code::InvalidContinuationToken, "the token is not one that a nextLink had");
        let json = base64::decode(raw).map_err(|_| invalid())?;
        let page: Self = serde_json::from_slice(&json).map_err(|_| invalid())?;
        if !(1..=MAXIMUM_RESULTS).contains(&page.maximum) {
            return Err(invalid());
        }
        check_topic_filter(&page.topic_filter, limits)?;
        mqtt_string::check(&page.topic_filter)?;
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, target: &str) -> Result<RetainedRequest<'static>, Vec<Code>> {
        let head =
            RequestHead::from_fields([(&b":method"[..], method.as_bytes()), (b":path", target.as_bytes())]);
        let own = |request: RetainedRequest<'_>| match request {
            RetainedRequest::List(page) => RetainedRequest::List(page),
            RetainedRequest::Message(topic) => RetainedRequest::Message(topic.into_owned()),
        };
        RetainedRequest::read(&head, &Rules::default()).map(own).map_err(|problem| {
            let codes: Vec<_> = problem.violations().iter().map(|violation| violation.code).collect();
            if codes.is_empty() { vec![problem.code()] } else { codes }
        })
    }

    #[test]
    fn a_target_is_compared_with_both_paths_byte_by_byte() {
        for (target, expected) in [
            ("/mqtt/retainedMessages", true),
            ("/mqtt/retainedMessages?topicFilter=a", true),
            ("/mqtt/retainedMessages/message?topic=a", true),
            ("/mqtt/retainedMessages/", false),
            ("/mqtt/retainedMessages/messages", false),
            ("/mqtt/retainedmessages", false),
            ("/mqtt/messages", false),
        ] {
            assert_eq!(Rules::default().is_retained(target.as_bytes()), expected, "{target}");
        }
    }

    #[test]
    fn no_path_has_two_meanings() {
        for (path, retained_path, expected) in [
            ("/mqtt/messages", "/mqtt/retainedMessages", true),
            ("/a", "/a/retained", true),
            ("/a", "/a", false),
            ("/a/message", "/a", false),
            ("/a", "/a/batch", false),
        ] {
            let (path, retained_path) = (path.to_owned(), retained_path.to_owned());
            let rules = Rules { path, retained_path, ..Rules::default() };
            assert_eq!(rules.has_distinct_paths(), expected, "{rules:?}");
        }
    }

    #[test]
    fn a_message_is_asked_for_by_its_topic() {
        let rows: &[(&str, Result<&str, &[Code]>)] = &[
            ("topic=a%2Fb", Ok("a/b")),
            ("topic=a&api-version=2025-11-16-preview", Ok("a")),
            ("", Err(&[Code::MissingTopic])),
            ("topic=a&topic=b", Err(&[Code::DuplicateParameter])),
            ("topic=%23", Err(&[Code::TopicWildcard])),
            ("topic=ä", Err(&[Code::InvalidPercentEncoding])),
            ("topic=$SYS", Err(&[Code::TopicReserved])),
            ("topic=&api-version=1", Err(&[Code::UnsupportedApiVersion, Code::EmptyTopic])),
        ];
        for (query, expected) in rows {
            let given = read("GET", &format!("/mqtt/retainedMessages/message?{query}"));
            let given = given.map(|request| match request {
                RetainedRequest::Message(topic) => topic.as_str().to_owned(),
                RetainedRequest::List(_) => String::new(),
            });
            assert_eq!(given, expected.map(str::to_owned).map_err(<[Code]>::to_vec), "{query}");
        }
        assert_eq!(read("POST", "/mqtt/retainedMessages?topicFilter=a"), Err(vec![Code::MethodNotAllowed]));
        assert!(read("HEAD", "/mqtt/retainedMessages/message?topic=a").is_ok());
    }

    #[test]
    fn a_list_is_asked_for_by_a_topic_filter() {
        let rows: &[(&str, Result<(&str, usize), &[Code]>)] = &[
            ("topicFilter=a%2F%23", Ok(("a/#", 100))),
            ("topicFilter=%2B/b&maxResults=1", Ok(("+/b", 1))),
            ("topicFilter=%23", Ok(("#", 100))),
            ("topicFilter=a%23", Err(&[Code::InvalidTopicFilter])),
            ("topicFilter=%23/a", Err(&[Code::InvalidTopicFilter])),
            ("topicFilter=$share/g/a", Err(&[Code::TopicReserved])),
            ("topicFilter=", Err(&[Code::EmptyTopic])),
            ("topicFilter=%00", Err(&[Code::InvalidCharacter])),
            ("topicFilter=a&maxResults=0", Err(&[Code::InvalidMaxResults])),
            ("topicFilter=a&maxResults=101", Err(&[Code::InvalidMaxResults])),
            ("topicFilter=a&maxResults=+1", Err(&[Code::InvalidMaxResults])),
            ("topicFilter=a&continuationToken=a", Err(&[Code::InvalidContinuationToken])),
            ("continuationToken=AAAA", Err(&[Code::InvalidContinuationToken])),
            // {"f":"$share/g/a","n":1}
            ("continuationToken=eyJmIjoiJHNoYXJlL2cvYSIsIm4iOjF9", Err(&[Code::TopicReserved])),
            ("", Err(&[Code::MissingTopic])),
        ];
        for (query, expected) in rows {
            let given = read("GET", &format!("/mqtt/retainedMessages?{query}"));
            let given = given.map(|request| match request {
                RetainedRequest::List(page) => (page.topic_filter, page.maximum),
                RetainedRequest::Message(_) => (String::new(), 0),
            });
            let expected = expected.map(|(filter, maximum)| (filter.to_owned(), maximum));
            assert_eq!(given, expected.map_err(<[Code]>::to_vec), "{query}");
        }
    }

    #[test]
    fn the_link_of_a_page_leads_to_it() {
        let first = Page { topic_filter: "ä/+/#".to_owned(), after: None, maximum: 7 };
        let next = first.next("ä/?>>");
        assert_eq!(read("GET", &next.link(&Rules::default())), Ok(RetainedRequest::List(next)));
    }
}
