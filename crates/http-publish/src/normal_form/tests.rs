use super::*;
use crate::{example, read};
use proptest::prelude::*;

/// The fields of a request, with `:method` and `:path` first.
type Fields = Vec<(String, Vec<u8>)>;

fn head(fields: &Fields) -> RequestHead<'_> {
    RequestHead::from_fields(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())))
}

/// Applies the changes to the fields, as an adapter would.
fn normalise(mut fields: Fields, rules: &Rules) -> Option<Fields> {
    let given = fields.clone();
    let head = head(&given);
    let publish = read(&head, rules).ok()?;
    let Ok(()) = publish.changes(&head, rules, |change| -> Result<(), std::convert::Infallible> {
        match change {
            Change::Set { name, value } => match fields.iter().position(|(field, _)| field == name) {
                Some(first) => {
                    fields[first].1 = value.as_bytes().to_vec();
                    let mut index = 0;
                    fields.retain(|(field, _)| {
                        index += 1;
                        field != name || index - 1 == first
                    });
                }
                None => fields.push((name.to_owned(), value.as_bytes().to_vec())),
            },
            Change::Remove { name } => fields.retain(|(field, _)| field != name),
        }
        Ok(())
    });
    Some(fields)
}

fn request(path: &str, fields: &[(&str, &str)]) -> Fields {
    [(":method", "POST"), (":path", path)]
        .iter()
        .chain(fields)
        .map(|&(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .collect()
}

#[test]
fn each_part_of_a_message_has_one_normal_form() {
    let rows: &[(&str, &[(&str, &str)], &str, &[(&str, &str)])] = &[
        ("/mqtt/messages?topic=a", &[], "/mqtt/messages?topic=a", &[("mqtt-qos", "1"), ("mqtt-retain", "0")]),
        (
            "/mqtt/messages?utm=1&retain=1&topic=a/b%2fc%7e&qos=0",
            &[("mqtt-qos", "1"), ("mqtt-qos", "1")],
            "/mqtt/messages?topic=a%2Fb%2Fc~",
            &[("mqtt-qos", "0"), ("mqtt-retain", "1")],
        ),
        (
            "/mqtt/messages?api-version=2025-08-01-preview&topic=a",
            &[("mqtt-qos", "1"), ("mqtt-retain", "0")],
            "/mqtt/messages?topic=a&api-version=2025-08-01-preview",
            &[("mqtt-qos", "1"), ("mqtt-retain", "0")],
        ),
        (
            "/mqtt/messages?topic=a",
            &[
                ("mqtt-response-topic", "b/c"),
                ("mqtt-correlation-data", "-_8"),
                ("mqtt-user-properties", r#"[ {"a":"\u0041","b":"c"} ]"#),
                ("mqtt-message-expiry", "0060"),
                ("mqtt-payload-format-indicator", "1"),
                ("content-type", "Text/Plain"),
            ],
            "/mqtt/messages?topic=a",
            &[
                ("mqtt-response-topic", "b%2Fc"),
                ("mqtt-correlation-data", "+/8="),
                ("mqtt-user-properties", "W3siYSI6IkEifSx7ImIiOiJjIn1d"),
                ("mqtt-message-expiry", "60"),
                ("mqtt-payload-format-indicator", "1"),
                ("content-type", "Text/Plain"),
                ("mqtt-qos", "1"),
                ("mqtt-retain", "0"),
            ],
        ),
        (
            "/mqtt/messages?topic=a",
            &[
                ("mqtt-message-expiry", "0"),
                ("mqtt-payload-format-indicator", "0"),
                ("mqtt-user-properties", "[]"),
                ("x-other", "kept"),
            ],
            "/mqtt/messages?topic=a",
            &[("x-other", "kept"), ("mqtt-qos", "1"), ("mqtt-retain", "0")],
        ),
    ];
    for (path, fields, expected_path, expected_fields) in rows {
        let normal = normalise(request(path, fields), &Rules::default()).unwrap();
        assert_eq!(normal, request(expected_path, expected_fields), "{path} {fields:?}");
    }
}

#[test]
fn the_example_of_the_documentation_is_in_normal_form() {
    let seed = request(example::PATH_AND_QUERY, &example::HEADERS);
    assert_eq!(normalise(seed.clone(), &Rules::default()), Some(seed));
}

fn any_request() -> impl Strategy<Value = Fields> {
    let parameter = prop_oneof![
        "(qos|retain|dry-run)=[01]",
        "(q%6fs|api-version|other)=(2025-02-15-preview|[01a]{0,2})",
    ];
    let field = prop_oneof![
        ("mqtt-(qos|retain|payload-format-indicator)", "[01]"),
        ("mqtt-response-topic", "([a-z/]|%2f|%C3%A4){1,6}"),
        ("mqtt-correlation-data", "[A-Za-z0-9_-]{0,8}={0,2}"),
        ("mqtt-user-properties", r#"\[(\{("[a-c\\"]{0,2}":"[ -~ä]{0,4}",?){0,2}\},?){0,3}\]"#),
        ("mqtt-message-expiry", "0?[0-9]{1,3}"),
        ("content-type", "[a-z]{1,4}/[a-z]{1,4}"),
        ("x-other", "[a-z]{0,4}"),
    ];
    let any_bytes = ("mqtt-[a-z-]{3,24}", proptest::collection::vec(any::<u8>(), 0..12));
    (
        "(topic|%74opic)=([a-z/]|%2F|%c3%a4|%20|,){0,8}",
        proptest::collection::vec(parameter, 0..3),
        proptest::collection::vec(field, 0..6),
        proptest::option::weighted(0.1, any_bytes),
    )
        .prop_map(|(topic, parameters, fields, odd)| {
            let path = format!("/mqtt/messages?{}&{topic}", parameters.join("&"));
            let mut all = request(&path, &[]);
            all.extend(fields.into_iter().map(|(name, value)| (name, value.into_bytes())));
            all.extend(odd);
            all
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn normalising_is_idempotent_and_keeps_the_message(given in any_request()) {
        let rules = Rules::default();
        if let Some(once) = normalise(given.clone(), &rules) {
            let twice = normalise(once.clone(), &rules);
            prop_assert_eq!(twice.as_ref(), Some(&once));
            prop_assert_eq!(read(&head(&given), &rules).unwrap(), read(&head(&once), &rules).unwrap());
        }
    }

    #[test]
    fn arbitrary_bytes_become_a_publish_or_a_problem(
        target in proptest::collection::vec(any::<u8>(), 0..64),
        fields in proptest::collection::vec(
            (prop_oneof![Just("mqtt-user-properties"), Just("mqtt-correlation-data"), Just("mqtt-response-topic"), Just("mqtt-qos"), Just("content-type"), Just("mqtt-message-expiry"), Just("content-length")],
             proptest::collection::vec(any::<u8>(), 0..64)),
            0..8,
        ),
    ) {
        let mut all = vec![(":method".to_owned(), b"POST".to_vec()), (":path".to_owned(), [b"/mqtt/messages?topic=", target.as_slice()].concat())];
        all.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let rules = Rules::default();
        if let Err(problem) = read(&head(&all), &rules) {
            let document: serde_json::Value = serde_json::from_slice(&problem.to_json(None)).unwrap();
            prop_assert_eq!(&document["status"], problem.status());
        }
    }
}
