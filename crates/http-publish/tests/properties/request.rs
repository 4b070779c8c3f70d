//! A request: whatever it is made of, it becomes a `Publish` that keeps all that is promised, or a problem that says why
//! not.

use http_publish::{
    Change, Decision, Limits, Problem, Publish, RequestHead, RequestId, RetainedRequest, Rules, read,
};
use serde_json::Value;

use crate::mqtt_text::is_mqtt_text;

/// A head as pairs, `:method` and `:path` among them.
pub(crate) type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// Reads the request and checks what came of it.
///
/// # Panics
/// Where a promise is broken.
pub(crate) fn check(fields: &Fields, rules: &Rules) {
    check_retained(&head(fields), rules);
    match read(&head(fields), rules) {
        Err(problem) => check_problem(&problem, head(fields).request_id()),
        Ok(publish) => {
            check_limits(&publish, rules);
            check_normal_form(fields, &publish, rules);
            check_dry_run(&publish, head(fields).request_id());
        }
    }
}

/// A request for retained messages has a filter within the limits, and the link of its page leads to it.
fn check_retained(head: &RequestHead<'_>, rules: &Rules) {
    match RetainedRequest::read(head, rules) {
        Err(problem) => check_problem(&problem, head.request_id()),
        Ok(RetainedRequest::Message(topic)) => assert!(topic.as_str().len() <= rules.limits.topic_bytes),
        Ok(RetainedRequest::List(page)) => {
            assert!(page.topic_filter.len() <= rules.limits.topic_bytes && is_mqtt_text(&page.topic_filter));
            let link = page.link(rules);
            let next =
                RequestHead::from_fields([(&b":method"[..], &b"GET"[..]), (b":path", link.as_bytes())]);
            assert_eq!(RetainedRequest::read(&next, rules), Ok(RetainedRequest::List(page)));
        }
    }
}

fn head(fields: &Fields) -> RequestHead<'_> {
    RequestHead::from_fields(fields.iter().map(|(name, value)| (name.as_slice(), value.as_slice())))
}

/// The document is JSON, has the members of RFC 9457, and agrees with what the problem says of itself.
pub(crate) fn check_problem(problem: &Problem, request_id: Option<RequestId<'_>>) {
    let document: Value = serde_json::from_slice(&problem.to_json(request_id)).expect("a problem is JSON");
    assert_eq!(document["status"], problem.status());
    assert_eq!(document["code"], problem.code().as_str());
    assert_eq!(document["title"], problem.code().title());
    assert_eq!(document["detail"], problem.detail());
    assert_eq!(document["type"], format!("urn:problem-type:postmqtt:{}", problem.code().as_str()));
    assert_eq!(document["requestId"].as_str(), request_id.map(RequestId::as_str));
    assert!(matches!(problem.status(), 400..=599));

    let violations = document["violations"].as_array().map_or(&[][..], Vec::as_slice);
    assert_eq!(violations.len(), problem.violations().len());
    assert!(violations.len() <= 64, "a problem names much, but not without end");
    for violation in violations {
        assert!(["query", "header", "body"].iter().any(|location| violation["in"] == *location));
        for member in ["parameter", "code", "detail"] {
            assert!(violation[member].as_str().is_some_and(|text| !text.is_empty()), "{violation}");
        }
        for member in ["offset", "limit", "actual"] {
            assert!(violation[member].is_null() || violation[member].is_u64(), "{violation}");
        }
        if let (Some(limit), Some(actual)) = (violation["limit"].as_u64(), violation["actual"].as_u64()) {
            assert!(actual > limit, "{violation}");
        }
    }
    for (name, value) in problem.fields() {
        assert!(is_visible_ascii(name) && is_field_value(&value), "{name}: {value}");
    }
}

/// Every part keeps its limit, and the protocol's own rules.
pub(crate) fn check_limits(publish: &Publish<'_>, rules: &Rules) {
    let Limits {
        topic_bytes,
        topic_segments,
        response_topic_bytes,
        correlation_data_bytes,
        user_properties_bytes,
        content_type_bytes,
        message_expiry_seconds,
        payload_bytes: _,
    } = rules.limits;
    let has_wildcard = |topic: &str| topic.contains(['+', '#']);

    let topic = publish.topic_name.as_str();
    assert!(is_mqtt_text(topic) && !topic.is_empty() && !has_wildcard(topic) && !topic.starts_with('$'));
    assert!(topic.len() <= topic_bytes && topic.split('/').count() <= topic_segments, "{topic}");
    if let Some(topic) = publish.response_topic.as_ref().map(|topic| topic.as_str()) {
        assert!(is_mqtt_text(topic) && !topic.is_empty() && !has_wildcard(topic));
        assert!(topic.len() <= response_topic_bytes, "{topic}");
    }
    if let Some(data) = &publish.correlation_data {
        assert!(data.as_bytes().len() <= correlation_data_bytes);
    }
    let pairs = publish.user_properties.iter();
    let size = pairs.map(|(name, value)| {
        assert!(is_mqtt_text(name) && is_mqtt_text(value), "{name}: {value}");
        name.len() + value.len()
    });
    assert!(size.sum::<usize>() <= user_properties_bytes);
    if let Some(text) = &publish.content_type {
        assert!(is_mqtt_text(text.as_str()) && text.as_str().len() <= content_type_bytes);
    }
    if let Some(interval) = publish.message_expiry_interval {
        assert!((1..=message_expiry_seconds).contains(&interval.seconds()));
    }
    if let Some(key) = &publish.idempotency_key {
        assert!((1..=255).contains(&key.as_str().len()) && is_visible_ascii(key.as_str()));
    }
    if let Some(version) = publish.api_version {
        assert!(rules.api_versions.iter().any(|known| known == version.as_str()));
    }
}

/// The normal form says the same, has nothing left to change, and is fit for a header.
fn check_normal_form(given: &Fields, publish: &Publish<'_>, rules: &Rules) {
    let once = normalise(given, publish, rules);
    let normal = head(&once);
    let again = read(&normal, rules).expect("the normal form is a request");
    assert_eq!(&again, publish);
    assert_eq!(shown(&normalise(&once, &again, rules)), shown(&once));
    assert!(rules.is_publish(normal.target()));
}

fn shown(fields: &Fields) -> Vec<String> {
    fields.iter().map(|(name, value)| format!("{}: {}", name.escape_ascii(), value.escape_ascii())).collect()
}

fn normalise(given: &Fields, publish: &Publish<'_>, rules: &Rules) -> Fields {
    let mut fields = given.clone();
    let Ok(()) = publish.changes(&head(given), rules, |change| -> Result<(), std::convert::Infallible> {
        match change {
            Change::Set { name, value } => {
                assert!(is_visible_ascii(value), "{name}: {value}");
                fields.retain(|(field, _)| field != name.as_bytes());
                fields.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
            }
            Change::Remove { name } => fields.retain(|(field, _)| field != name.as_bytes()),
        }
        Ok(())
    });
    fields
}

/// What a dry run shows is JSON, and is the message.
fn check_dry_run(publish: &Publish<'_>, request_id: Option<RequestId<'_>>) {
    let shown = publish.to_dry_run_json(7, Decision::default(), request_id);
    let shown: Value = serde_json::from_slice(&shown).expect("a dry run is JSON");
    let packet = &shown["publish"];
    assert_eq!(packet["topicName"], publish.topic_name.as_str());
    assert_eq!(packet["contentType"].as_str(), publish.content_type.as_ref().map(|text| text.as_str()));
    let pairs: Vec<Value> =
        publish.user_properties.iter().map(|(name, value)| Value::from(vec![name, value])).collect();
    assert_eq!(packet["userProperties"].as_array().map_or(&[][..], Vec::as_slice), pairs);
    assert_eq!(packet["payloadBytes"], 7);
}

/// A field value that no hop changes: visible ASCII with spaces only inside (RFC 9110, 5.5).
fn is_field_value(value: &str) -> bool {
    value.trim() == value && is_visible_ascii(&value.replace(' ', ""))
}

/// What a value of a header may be made of, where nothing is to be quoted or encoded.
fn is_visible_ascii(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic())
}
