use super::*;
use crate::example;

fn head<'a>(path: &'a str, fields: &[(&'a str, &'a str)]) -> RequestHead<'a> {
    let pseudo = [(":method", "POST"), (":path", path)];
    let all = pseudo.into_iter().chain(fields.iter().copied());
    RequestHead::from_fields(all.map(|(name, value)| (name.as_bytes(), value.as_bytes())))
}

/// `location parameter: code` of every violation.
fn refusals(path: &str, fields: &[(&str, &str)]) -> Vec<String> {
    match read(&head(path, fields), &Rules::default()) {
        Ok(_) => Vec::new(),
        Err(problem) => problem
            .violations()
            .iter()
            .map(|violation| {
                let location = serde_json::to_value(violation.location).unwrap();
                format!("{} {}: {}", location.as_str().unwrap(), violation.parameter, violation.code.as_str())
            })
            .collect(),
    }
}

#[test]
fn the_example_of_the_documentation_is_read_property_by_property() {
    let rules = Rules::default();
    let head = head(example::PATH_AND_QUERY, &example::HEADERS);
    let publish = read(&head, &rules).unwrap();
    assert_eq!(publish.topic_name.as_str(), example::TOPIC);
    assert_eq!(publish.qos, QoS::AtLeastOnce);
    assert_eq!(publish.retain, Retain::No);
    assert_eq!(publish.response_topic.unwrap().as_str(), example::RESPONSE_TOPIC);
    assert_eq!(publish.correlation_data.unwrap().as_bytes(), example::CORRELATION_DATA);
    assert_eq!(publish.user_properties.iter().collect::<Vec<_>>(), example::USER_PROPERTIES);
    assert_eq!(publish.content_type.unwrap().as_str(), example::CONTENT_TYPE);
    assert_eq!(publish.message_expiry_interval, None);
    assert_eq!(publish.payload_format_indicator, PayloadFormatIndicator::UnspecifiedBytes);
    assert_eq!(publish.api_version.unwrap().as_str(), "2025-02-15-preview");
}

#[test]
fn only_the_topic_is_required() {
    let rules = Rules::default();
    let publish = read(&head("/mqtt/messages?topic=a", &[]), &rules).unwrap();
    assert_eq!(publish.qos, QoS::AtLeastOnce);
    assert_eq!(publish.retain, Retain::No);
    assert_eq!(publish.response_topic, None);
    assert_eq!(publish.correlation_data, None);
    assert!(publish.user_properties.is_empty());
    assert_eq!(publish.content_type, None);
    assert_eq!(publish.message_expiry_interval, None);
    assert_eq!(publish.payload_format_indicator, PayloadFormatIndicator::UnspecifiedBytes);
    assert_eq!(publish.api_version, None);
}

#[test]
fn the_query_takes_precedence_over_the_field() {
    let rules = Rules::default();
    let rows: &[(&str, &[(&str, &str)], QoS, Retain)] = &[
        ("?topic=a&qos=0", &[("mqtt-qos", "1")], QoS::AtMostOnce, Retain::No),
        ("?topic=a&qos=0", &[("mqtt-qos", "nonsense")], QoS::AtMostOnce, Retain::No),
        ("?topic=a&qos=0", &[("mqtt-qos", "1"), ("mqtt-qos", "1")], QoS::AtMostOnce, Retain::No),
        ("?topic=a&retain=1", &[("mqtt-retain", "2")], QoS::AtLeastOnce, Retain::Store),
        ("?topic=a", &[("mqtt-qos", "0"), ("mqtt-retain", "1")], QoS::AtMostOnce, Retain::Store),
    ];
    for (query, fields, qos, retain) in rows {
        let path = format!("/mqtt/messages{query}");
        let publish = read(&head(&path, fields), &rules).unwrap();
        assert_eq!((publish.qos, publish.retain), (*qos, *retain), "{query} {fields:?}");
    }
}

#[test]
fn each_broken_rule_is_a_violation_of_its_parameter() {
    let rows: &[(&str, &[(&str, &str)], &[&str])] = &[
        ("", &[], &["query topic: MissingTopic"]),
        ("?", &[], &["query topic: MissingTopic"]),
        ("?topic=", &[], &["query topic: EmptyTopic"]),
        ("?topic=a&topic=a", &[], &["query topic: DuplicateParameter"]),
        ("?topic=a%2", &[], &["query topic: InvalidPercentEncoding"]),
        ("?topic=grün", &[], &["query topic: InvalidPercentEncoding"]),
        ("?topic=a&x=grün", &[], &["query x: InvalidPercentEncoding"]),
        ("?topic=a&ü", &[], &["query ü: InvalidPercentEncoding"]),
        ("?topic=a&=ü", &[], &["query (unnamed): InvalidPercentEncoding"]),
        ("?topic=gr%C3%BCn", &[], &[]),
        ("?topic=a+b", &[], &["query topic: TopicWildcard"]),
        ("?topic=$SYS", &[], &["query topic: TopicReserved"]),
        ("?topic=a&qos=2", &[], &["query qos: InvalidQos"]),
        ("?topic=a&qos=", &[], &["query qos: InvalidQos"]),
        ("?topic=a&qos", &[("mqtt-qos", "1")], &["query qos: InvalidQos"]),
        ("?topic=a&qos=1&qos=1", &[], &["query qos: DuplicateParameter"]),
        ("?topic=a&retain=yes", &[], &["query retain: InvalidRetain"]),
        ("?topic=a&dry-run=true", &[], &["query dry-run: InvalidDryRun"]),
        ("?topic=a&api-version=2019-01-01", &[], &["query api-version: UnsupportedApiVersion"]),
        ("?topic=a", &[("mqtt-qos", "2")], &["header mqtt-qos: InvalidQos"]),
        ("?topic=a", &[("mqtt-qos", "")], &["header mqtt-qos: InvalidQos"]),
        ("?topic=a", &[("mqtt-qos", "1"), ("mqtt-qos", "1")], &["header mqtt-qos: DuplicateParameter"]),
        ("?topic=a", &[("mqtt-qos", "1,1")], &["header mqtt-qos: InvalidQos"]),
        ("?topic=a", &[("mqtt-retain", "-")], &["header mqtt-retain: InvalidRetain"]),
        (
            "?topic=a",
            &[("mqtt-response-topic", "b/#")],
            &["header mqtt-response-topic: ResponseTopicWildcard"],
        ),
        ("?topic=a", &[("mqtt-correlation-data", "!")], &["header mqtt-correlation-data: InvalidBase64"]),
        ("?topic=a", &[("mqtt-user-properties", "{}")], &["header mqtt-user-properties: InvalidBase64"]),
        (
            "?topic=a",
            &[("mqtt-user-properties", "[1]")],
            &["header mqtt-user-properties: InvalidUserProperties"],
        ),
        ("?topic=a", &[("mqtt-message-expiry", "-1")], &["header mqtt-message-expiry: InvalidMessageExpiry"]),
        (
            "?topic=a",
            &[("mqtt-payload-format-indicator", "2")],
            &["header mqtt-payload-format-indicator: InvalidPayloadFormatIndicator"],
        ),
        (
            "?topic=a",
            &[("content-type", "a/b"), ("content-type", "c/d")],
            &["header content-type: DuplicateParameter"],
        ),
        (
            "?topic=a",
            &[("mqtt-correlation-data", "55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7")],
            &["header mqtt-correlation-data: InvalidCorrelationData"],
        ),
        (
            "?topic=a",
            &[("content-encoding", "gzip")],
            &["header content-encoding: UnsupportedContentEncoding"],
        ),
        (
            "?topic=a",
            &[("content-encoding", "identity"), ("content-encoding", "br"), ("content-encoding", "gzip")],
            &["header content-encoding: UnsupportedContentEncoding"],
        ),
        ("?topic=a", &[("content-encoding", "identity"), ("content-encoding", "")], &[]),
        ("?topic=a", &[("content-length", "524289")], &["body payload: PayloadTooLarge"]),
    ];
    for (query, fields, expected) in rows {
        assert_eq!(refusals(&format!("/mqtt/messages{query}"), fields), *expected, "{query} {fields:?}");
    }
}

#[test]
fn every_violation_is_reported_at_once() {
    let path = "/mqtt/messages?topic=a%2F%23&qos=2&api-version=1";
    let fields = [
        ("mqtt-retain", "2"),
        ("mqtt-response-topic", "+"),
        ("mqtt-correlation-data", "?"),
        ("mqtt-user-properties", r#"[{"a":1},{"b":2}]"#),
        ("content-type", "a/b,c/d"),
        ("mqtt-message-expiry", "soon"),
        ("mqtt-payload-format-indicator", "yes"),
        ("content-length", "999999999"),
    ];
    assert_eq!(
        refusals(path, &fields),
        [
            "query topic: TopicWildcard",
            "query qos: InvalidQos",
            "header mqtt-retain: InvalidRetain",
            "header mqtt-response-topic: ResponseTopicWildcard",
            "header mqtt-correlation-data: InvalidBase64",
            "header mqtt-user-properties: InvalidUserProperties",
            "header mqtt-user-properties: InvalidUserProperties",
            "header content-type: DuplicateParameter",
            "header mqtt-message-expiry: InvalidMessageExpiry",
            "header mqtt-payload-format-indicator: InvalidPayloadFormatIndicator",
            "query api-version: UnsupportedApiVersion",
            "body payload: PayloadTooLarge",
        ]
    );
    assert_eq!(read(&head(path, &fields), &Rules::default()).unwrap_err().status(), 400);
}

#[test]
fn unknown_parameters_are_ignored_unless_the_rules_refuse_them() {
    assert!(refusals("/mqtt/messages?topic=a&x=1&x=2&%zz", &[("mqtt-unknown", "1"), ("x", "y")]).is_empty());

    let rules = Rules { unknown_parameters: UnknownParameters::Refuse, ..Rules::default() };
    let given = head("/mqtt/messages?topic=a&utm=1&retian=1", &[("mqtt-expiry", "1"), ("x", "y")]);
    let problem = read(&given, &rules).unwrap_err();
    assert_eq!(problem.code(), Code::UnknownParameter);
    let details: Vec<_> = problem
        .violations()
        .iter()
        .map(|violation| format!("{}: {}", violation.parameter, violation.detail))
        .collect();
    assert_eq!(
        details,
        [
            "retian: no such parameter exists; the query parameter retain was probably meant",
            "mqtt-expiry: no such parameter exists; the header mqtt-message-expiry was probably meant",
        ]
    );
}

#[test]
fn only_post_publishes() {
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "post", ""] {
        let head = RequestHead::from_fields([
            (&b":method"[..], method.as_bytes()),
            (b":path", b"/mqtt/messages?topic=a"),
        ]);
        let problem = read(&head, &Rules::default()).unwrap_err();
        assert_eq!((problem.status(), problem.allow()), (405, Some("POST")), "{method}");
    }
}

#[test]
fn a_request_that_waits_for_a_reply_has_no_idempotency_key() {
    let key = ("idempotency-key", "k");
    let target = "/mqtt/messages?topic=a";
    let refused = ["header idempotency-key: InvalidIdempotencyKey"];
    assert_eq!(refusals(target, &[key, ("prefer", "wait=5")]), refused);
    assert!(refusals(target, &[key, ("prefer", "handling=strict")]).is_empty());
}
