//! What holds of every input, each checked on some hundreds of random ones. The fuzzer in `fuzz/` looks for the others
//! with the same checks.

mod batch;
mod client_id;
mod mqtt_text;
mod problem;
mod request;
mod user_properties;
mod utf8;

use http_publish::{Limits, Profile, Rules};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use request::Fields;

/// Texts of which most are right.
fn mostly(right: &'static str, other: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![12 => right, 1 => other]
}

/// Rules of the profiles, and with limits so small that most requests are over some of them.
fn any_rules() -> impl Strategy<Value = Rules> {
    let small = (0usize..12, 0usize..4, 0usize..12, 0usize..12, 0usize..12, 0usize..12, 0u32..200).prop_map(
        |(topic, segments, response_topic, correlation_data, user_properties, content_type, expiry)| Limits {
            topic_bytes: topic,
            topic_segments: segments,
            response_topic_bytes: response_topic,
            correlation_data_bytes: correlation_data,
            user_properties_bytes: user_properties,
            content_type_bytes: content_type,
            message_expiry_seconds: expiry,
            payload_bytes: 12,
        },
    );
    let of_profile = prop::sample::select(&Profile::ALL[..]).prop_map(Profile::limits);
    prop_oneof![2 => of_profile, 1 => small].prop_map(|limits| Rules { limits, ..Rules::default() })
}

fn any_target() -> impl Strategy<Value = Vec<u8>> {
    let parameter = prop_oneof![
        3 => mostly("qos=[01]", "q%6fs=[0-2]?"),
        2 => mostly("retain=[01]", "retain=.?"),
        2 => mostly("dry-run=[01]", "dry-run"),
        2 => mostly("api-version=2025-02-15-preview", "api-version=1"),
        1 => "[a-z%]{0,6}(=[a-z%]{0,3})?",
    ];
    let topic = mostly("(topic|%74opic)=([a-z/,]|%2F|%c3%a4){1,8}", "topic=([a-z$]|%2b|%00|\\+|%){0,4}");
    let query =
        (topic, vec(parameter, 0..3)).prop_map(|(topic, others)| format!("{}&{topic}", others.join("&")));
    prop_oneof![
        20 => query.prop_map(|query| format!("/mqtt/messages?{query}").into_bytes()),
        1 => vec(any::<u8>(), 0..24).prop_map(|tail| [b"/mqtt/messages?topic=", tail.as_slice()].concat()),
    ]
}

fn any_fields() -> impl Strategy<Value = Fields> {
    let texts = [
        ("mqtt-qos", mostly("[01]", ".{0,2}").boxed()),
        ("mqtt-retain", mostly("[01]", ".{0,2}").boxed()),
        ("mqtt-payload-format-indicator", mostly("[01]", ".{0,2}").boxed()),
        ("mqtt-response-topic", mostly("([a-z/]|%2f|%C3%A4){1,6}", "[a+,%]{0,3}").boxed()),
        ("mqtt-correlation-data", mostly("([A-Za-z0-9_-]{4}){0,2}", "[A-Za-z0-9+/=]{0,8}").boxed()),
        ("mqtt-user-properties", any_json().boxed()),
        ("mqtt-message-expiry", mostly("0?[0-9]{1,3}", "-?[0-9]{0,12}").boxed()),
        (
            "idempotency-key",
            mostly("([!#-+.-:<-\\[\\]-~-]{1,6}|\"([!#-\\[\\]-~]|\\\\[\"\\\\]){1,6}\")", "[ -~]{0,4}").boxed(),
        ),
        ("content-type", mostly("[a-z]{1,4}/[a-z]{1,4}", ".{0,4}").boxed()),
        ("content-length", "[0-9]{1,2}".boxed()),
        ("x-request-id", mostly("[!-~]{1,6}", ".{0,4}").boxed()),
    ];
    let texts = texts.map(|(name, value)| option::weighted(0.3, value.prop_map(move |value| (name, value))));
    let odd = prop_oneof![
        ("mqtt-(qos|retain|response-topic|message-expiry)", vec(any::<u8>(), 0..12))
            .prop_map(|(name, value)| (name.into_bytes(), value)),
        (vec(any::<u8>(), 0..6), vec(any::<u8>(), 0..6)),
    ];
    (texts, option::weighted(0.2, odd)).prop_map(|(texts, odd)| {
        let texts = texts.into_iter().flatten();
        let texts = texts.map(|(name, value)| (name.as_bytes().to_vec(), value.into_bytes()));
        texts.chain(odd).collect()
    })
}

/// JSON that is User Properties, or nearly.
fn any_json() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        8 => r#""([a-c]|\\u00e4|\\n|\\"|[ -!#-\[\]-~ä😀]){0,4}""#,
        1 => r#""(\\ud83d\\ude00|\\ud800|\\u0000|\\)""#,
    ];
    let value = prop_oneof![12 => string.clone(), 1 => "(-?[0-9]{1,3}(\\.5|e9)?|null|true|\\[\\]|\\{\\})"];
    let pair = (string, value).prop_map(|(name, value)| format!("{name} :{value}"));
    let object = vec(pair, 0..4).prop_map(|pairs| format!("{{{}}}", pairs.join(", ")));
    let element = prop_oneof![20 => object, 1 => "(1|\"a\"|null|\\[\\{\\}\\])"];
    let array = vec(element, 0..4).prop_map(|elements| format!("[{}]", elements.join(",")));
    let soup = r#"(\[|\]|\{|\}|"a"|"b"|"\\u0041"|"\\ud800"|:|,| |1|null){0,14}"#;
    prop_oneof![8 => array, 1 => soup]
}

/// The payload of a batch, or nearly.
fn any_batch() -> impl Strategy<Value = Vec<u8>> {
    let text = |right: &'static str| mostly(right, "([a-z+#/$]|\\\\u0000|\\\\u00e4|\\\\){0,6}");
    let member = prop_oneof![
        4 => text("[a-z/]{1,6}").prop_map(|text| format!("\"topic\":\"{text}\"")),
        3 => text("[a-z]{0,9}").prop_map(|text| format!("\"payload\":\"{text}\"")),
        1 => text("[A-Za-z0-9]{4}").prop_map(|text| format!("\"payloadBase64\":\"{text}\"")),
        1 => mostly("\"qos\":[01]", "\"qos\":([0-9]{1,3}|true|null)"),
        1 => mostly("\"retain\":(true|false)", "\"retain\":1"),
        1 => text("[a-z/]{1,6}").prop_map(|text| format!("\"responseTopic\":\"{text}\"")),
        1 => text("[A-Za-z0-9]{4}").prop_map(|text| format!("\"correlationData\":\"{text}\"")),
        1 => text("[a-z]{1,3}/[a-z]{1,3}").prop_map(|text| format!("\"contentType\":\"{text}\"")),
        1 => mostly("\"messageExpiryInterval\":[0-9]{1,3}", "\"messageExpiryInterval\":-?[0-9]{1,12}"),
        1 => mostly("\"payloadFormatIndicator\":[01]", "\"payloadFormatIndicator\":[2-9]"),
        1 => mostly("\"userProperties\":(\\[\\]|\\[\\[\"a\",\"b\"\\]\\])", "\"userProperties\":\\[\\[\"a\"\\]\\]"),
        1 => "\"[a-z]{1,3}\":1",
    ];
    let object = vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(",")).into_bytes());
    let line = prop_oneof![10 => object, 1 => vec(any::<u8>(), 0..12)];
    vec(line, 0..6).prop_map(|lines| lines.join(&b'\n'))
}

fn nearly_utf8() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(0xe2u8), Just(0x82), Just(0xac), Just(0xf0), any::<u8>(), 0x20u8..0x7f];
    let text = any::<String>().prop_map(String::into_bytes);
    let broken = (any::<String>(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(text, at, byte)| {
        let mut bytes = text.into_bytes();
        bytes.insert(at.index(bytes.len() + 1), byte);
        bytes
    });
    prop_oneof![text, broken, vec(byte, 0..40)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_request_becomes_a_publish_that_keeps_every_promise_or_a_problem(
        target in any_target(), fields in any_fields(), rules in any_rules(),
    ) {
        let mut head: Fields = vec![(b":method".to_vec(), b"POST".to_vec()), (b":path".to_vec(), target)];
        head.extend(fields);
        request::check(&head, &rules);
    }

    #[test]
    fn user_properties_are_what_serde_json_reads_with_order_and_repeats(json in any_json()) {
        user_properties::check(json.as_bytes());
    }

    #[test]
    fn a_payload_is_utf8_where_the_standard_library_says_so_and_an_error_shows_at_once(
        bytes in nearly_utf8(), cuts in vec(0usize..1_000, 0..6),
    ) {
        utf8::check(&bytes, &cuts);
    }

    #[test]
    fn a_client_id_is_the_same_on_both_sides_of_its_field(
        bytes in prop_oneof![nearly_utf8(), "([a-z ]|%[0-9a-f]{2}|%){0,12}".prop_map(String::into_bytes)],
    ) {
        client_id::check(&bytes);
    }

    #[test]
    fn a_problem_repeats_any_words_as_json(
        code: u8, reason: u8, words in prop_oneof![any::<String>(), "[\u{0}-\u{a0}\"\\\\]{0,12}"],
    ) {
        problem::check(code, reason, &words);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_line_becomes_a_message_that_keeps_every_promise_or_a_problem(
        payload in any_batch(), topic in option::of(mostly("[a-z]{1,3}", "[a+%]{0,3}")), rules in any_rules(),
    ) {
        let query = topic.map(|topic| format!("?topic={topic}")).unwrap_or_default();
        batch::check(format!("/mqtt/messages/batch{query}").as_bytes(), &payload, &rules);
    }
}

#[test]
fn a_client_id_of_256_bytes_is_the_longest() {
    for length in [0, 1, 255, 256, 257, 65_536] {
        client_id::check("\u{e4}".repeat(length / 2).as_bytes());
        client_id::check("x".repeat(length).as_bytes());
        client_id::check("%78".repeat(length).as_bytes());
    }
}
