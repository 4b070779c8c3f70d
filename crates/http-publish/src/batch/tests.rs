use super::*;
use crate::ReasonCode;

fn head<'a>(target: &'a str, fields: &[(&'a str, &'a str)]) -> RequestHead<'a> {
    let start = [(":method", "POST"), (":path", target)];
    let all = start.into_iter().chain(fields.iter().copied());
    RequestHead::from_fields(all.map(|(name, value)| (name.as_bytes(), value.as_bytes())))
}

/// `location parameter: code` of every violation, or the code.
fn violations(problem: &Problem) -> Vec<String> {
    if problem.violations().is_empty() {
        return vec![problem.code().as_str().to_owned()];
    }
    let line = |violation: &Violation| format!("{} {}", violation.parameter, violation.code.as_str());
    problem.violations().iter().map(line).collect()
}

#[test]
fn the_head_has_what_is_common_to_all_messages_and_nothing_else() {
    let rules = Rules::default();
    let read = |target: &str, fields: &[(&str, &str)]| {
        super::read(&head(target, fields), &rules).map(|_| ()).map_err(|problem| violations(&problem))
    };
    let path = "/mqtt/messages/batch";
    assert_eq!(read(path, &[]), Ok(()));
    let all = format!("{path}?topic=a%2Fb&api-version=2025-02-15-preview&dry-run=1");
    assert_eq!(read(&all, &[("mqtt-user-properties", r#"[{"a":"1"}]"#)]), Ok(()));

    let rows: &[(&str, &[(&str, &str)], &[&str])] = &[
        ("?topic=a%2B", &[], &["topic TopicWildcard"]),
        ("?topic=a&topic=b", &[], &["topic DuplicateParameter"]),
        ("?dry-run=2", &[], &["dry-run InvalidDryRun"]),
        ("?qos=1", &[("mqtt-retain", "1")], &["qos UnknownParameter", "mqtt-retain UnknownParameter"]),
        ("", &[("idempotency-key", "k")], &["idempotency-key UnknownParameter"]),
        ("", &[("content-length", "1048577")], &["payload PayloadTooLarge"]),
        ("", &[("content-encoding", "gzip")], &["content-encoding UnsupportedContentEncoding"]),
    ];
    for (query, fields, expected) in rows {
        let expected = expected.iter().map(|line| (*line).to_owned()).collect();
        assert_eq!(read(&format!("{path}{query}"), fields), Err(expected), "{query}");
    }
}

#[test]
fn a_batch_has_its_own_path() {
    let rules = Rules::default();
    let rows = [
        ("/mqtt/messages/batch", true),
        ("/mqtt/messages/batch?topic=a", true),
        ("/mqtt/messages/batch/", false),
        ("/mqtt/messages/batches", false),
        ("/mqtt/messages", false),
        ("/batch", false),
    ];
    for (target, expected) in rows {
        assert_eq!(rules.is_batch(target.as_bytes()), expected, "{target}");
        assert!(!expected || !rules.is_publish(target.as_bytes()));
    }
}

#[test]
fn a_batch_has_1_to_1000_lines() {
    let rows: &[(&[u8], &[&[u8]])] =
        &[(b"a\nb", &[b"a", b"b"]), (b"a\r\n\r\n \nb\n", &[b"a", b"b"]), (b"\n\na", &[b"a"])];
    for (given, expected) in rows {
        assert_eq!(Batch::lines(given).unwrap(), *expected);
    }
    assert_eq!(Batch::lines(b"\n \r\n").unwrap_err().code(), Code::InvalidBatchLine);
    assert_eq!(Batch::lines(&b"x\n".repeat(1000)).unwrap().len(), 1000);
    assert_eq!(Batch::lines(&b"x\n".repeat(1001)).unwrap_err().code(), Code::PayloadTooLarge);
}

#[test]
fn a_line_has_the_members_of_a_dry_run() {
    let rules = Rules::default();
    let batch = super::read(&head("/mqtt/messages/batch", &[]), &rules).unwrap();
    let line = br#"{"topic":"a/b","qos":0,"retain":true,"responseTopic":"r","correlationData":"+/8=",
        "userProperties":[["b","1"],["a","\u00e4"],["b","1"]],"contentType":"text/plain; charset=\"utf-8\"",
        "messageExpiryInterval":60,"payloadFormatIndicator":1,"payload":"Gr\u00fc\u00dfe"}"#;
    let Line { publish, payload } = batch.read_line(line, &rules.limits).unwrap();
    assert_eq!(payload, "Grüße".as_bytes());
    assert_eq!(publish.topic_name.as_str(), "a/b");
    assert_eq!((publish.qos, publish.retain), (QoS::AtMostOnce, Retain::Store));
    assert_eq!(publish.response_topic.unwrap().as_str(), "r");
    assert_eq!(publish.correlation_data.unwrap().as_bytes(), [0xfb, 0xff]);
    let properties = [("b", "1"), ("a", "ä"), ("b", "1")];
    assert_eq!(publish.user_properties.iter().collect::<Vec<_>>(), properties);
    assert_eq!(publish.content_type.unwrap().as_str(), r#"text/plain; charset="utf-8""#);
    assert_eq!(publish.message_expiry_interval.unwrap().seconds(), 60);
    assert_eq!(publish.payload_format_indicator, PayloadFormatIndicator::Utf8);

    let bytes = br#"{"topic":"50%25/a","payloadBase64":"_wA"}"#;
    let Line { publish, payload } = batch.read_line(bytes, &rules.limits).unwrap();
    assert_eq!((publish.topic_name.as_str(), &*payload), ("50%25/a", &[0xff, 0x00][..]));
    assert_eq!((publish.qos, publish.retain), (QoS::AtLeastOnce, Retain::No));
}

#[test]
fn a_line_is_judged_by_the_rules_of_a_request() {
    let rules = Rules::default();
    let long = format!(r#"{{"topic":"{}"}}"#, "a".repeat(257));
    let large = format!(r#"{{"topic":"a","payload":"{}"}}"#, "x".repeat(512 * 1024 + 1));
    let rows: &[(&str, &[&str])] = &[
        ("{}", &["topic MissingTopic"]),
        (r#"{"topic":""}"#, &["topic EmptyTopic"]),
        (r#"{"topic":"a/+","qos":2}"#, &["topic TopicWildcard", "qos InvalidQos"]),
        (r#"{"topic":"$SYS"}"#, &["topic TopicReserved"]),
        (r#"{"topic":"a\u0000"}"#, &["topic InvalidCharacter"]),
        (&long, &["topic TopicTooLong"]),
        (r#"{"topic":"a","responseTopic":"+"}"#, &["responseTopic ResponseTopicWildcard"]),
        (r#"{"topic":"a","correlationData":"A"}"#, &["correlationData InvalidBase64"]),
        (r#"{"topic":"a","userProperties":[["a","\u0001"]]}"#, &["userProperties InvalidCharacter"]),
        (
            r#"{"topic":"a","payloadFormatIndicator":2}"#,
            &["payloadFormatIndicator InvalidPayloadFormatIndicator"],
        ),
        (
            r#"{"topic":"a","payloadFormatIndicator":1,"payloadBase64":"/w=="}"#,
            &["payloadBase64 PayloadNotUtf8"],
        ),
        (r#"{"topic":"a","payload":"","payloadBase64":""}"#, &["payload DuplicateParameter"]),
        (&large, &["payload PayloadTooLarge"]),
        // What is no such object.
        ("", &["InvalidBatchLine"]),
        ("[]", &["InvalidBatchLine"]),
        (r#"{"topic":"a"} {}"#, &["InvalidBatchLine"]),
        (r#"{"topic":"a","topic":"b"}"#, &["InvalidBatchLine"]),
        (r#"{"topic":"a","retian":true}"#, &["InvalidBatchLine"]),
        (r#"{"topic":"a","retain":1}"#, &["InvalidBatchLine"]),
        (r#"{"topic":"a","payload":{}}"#, &["InvalidBatchLine"]),
        (r#"{"topic":"a","messageExpiryInterval":4294967296}"#, &["InvalidBatchLine"]),
    ];
    let batch = super::read(&head("/mqtt/messages/batch", &[]), &rules).unwrap();
    for (line, expected) in rows {
        let problem = batch.read_line(line.as_bytes(), &rules.limits).unwrap_err();
        assert_eq!(violations(&problem), *expected, "{line}");
        assert!(problem.detail().len() < 400);
    }
    assert!(batch.read_line(b"{\"topic\":\"\xff\"}", &rules.limits).is_err());
}

#[test]
fn a_line_takes_topic_and_user_properties_of_the_head() {
    let rules = Rules::default();
    let head = head("/mqtt/messages/batch?topic=a%2Fb", &[("mqtt-user-properties", r#"[{"who":"me"}]"#)]);
    let batch = super::read(&head, &rules).unwrap();
    let line = br#"{"userProperties":[["a","1"],["who","root"],["b","2"]]}"#;
    let publish = batch.read_line(line, &rules.limits).unwrap().publish;
    assert_eq!(publish.topic_name.as_str(), "a/b");
    let expected = [("a", "1"), ("b", "2"), ("who", "me")];
    assert_eq!(publish.user_properties.iter().collect::<Vec<_>>(), expected);

    let problem = batch.read_line(br#"{"topic":"c"}"#, &rules.limits).unwrap_err();
    assert_eq!(violations(&problem), ["topic DuplicateParameter"]);
}

#[test]
fn the_normal_form_of_the_head_is_its_own() {
    let rules = Rules::default();
    let rows: &[(&str, &[(&str, &str)], &[&str])] = &[
        ("/mqtt/messages/batch", &[], &[]),
        ("/mqtt/messages/batch?x=1", &[], &[":path=/mqtt/messages/batch"]),
        (
            "/mqtt/messages/batch?dry-run=1&topic=a/b",
            &[],
            &[":path=/mqtt/messages/batch?topic=a%2Fb&dry-run=1"],
        ),
        ("/mqtt/messages/batch?dry-run=1", &[], &[]),
        (
            "/mqtt/messages/batch?topic=a",
            &[("mqtt-user-properties", r#"[{"a":"1"}]"#)],
            &["mqtt-user-properties=W3siYSI6IjEifV0="],
        ),
        ("/mqtt/messages/batch?topic=a", &[("mqtt-user-properties", "[]")], &["mqtt-user-properties=-"]),
    ];
    for (target, fields, expected) in rows {
        let head = head(target, fields);
        let mut changes = Vec::new();
        let batch = super::read(&head, &rules).unwrap();
        let Ok(()) = batch.changes(&head, &rules, |change| -> Result<(), std::convert::Infallible> {
            changes.push(match change {
                Change::Set { name, value } => format!("{name}={value}"),
                Change::Remove { name } => format!("{name}=-"),
            });
            Ok(())
        });
        assert_eq!(changes, *expected, "{target}");
    }
}

#[test]
fn the_answer_has_a_line_for_each_message() {
    let mut out = Vec::new();
    sent(&mut out, 0, 204, Some(ReasonCode(0)));
    refused(&mut out, 1, &Problem::new(Code::NotAuthorized, "no").from_broker(ReasonCode(0x87), None));
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0], serde_json::json!({ "index": 0, "status": 204, "mqttReasonCode": 0 }));
    let members = ["index", "status", "code", "mqttReasonCode"].map(|member| lines[1][member].clone());
    assert_eq!(serde_json::json!(members), serde_json::json!([1, 403, "NotAuthorized", 135]));
}
