use super::*;
use proptest::prelude::*;

const SEED: &str =
    "W3siVXJnZW5jeSI6ImFsZXJ0In0seyJSZXF1ZXN0SWQiOiI1NWY0YTdlZS1iMGI0LTRkN2YtOGViNS0yZWRiYTJjZWQ1ZDcifV0=";

fn read(raw: &str) -> Result<Vec<(String, String)>, Vec<String>> {
    UserProperties::parse(raw.as_bytes(), &Limits::default())
        .map(|properties| {
            properties.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        })
        .map_err(|faults| {
            faults.into_iter().map(|fault| format!("{:?}: {}", fault.code, fault.detail)).collect()
        })
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn user_properties_keep_their_order_and_repeated_names() {
    let rows: &[(&str, &[(&str, &str)])] = &[
        (SEED, &[("Urgency", "alert"), ("RequestId", "55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7")]),
        (
            SEED.trim_end_matches('='),
            &[("Urgency", "alert"), ("RequestId", "55f4a7ee-b0b4-4d7f-8eb5-2edba2ced5d7")],
        ),
        ("[]", &[]),
        ("W10=", &[]),
        (r#"[{"a":"1"},{"a":"2"},{"a":"1"}]"#, &[("a", "1"), ("a", "2"), ("a", "1")]),
        (r#"[{"b":"1","a":"2","b":"3"}]"#, &[("b", "1"), ("a", "2"), ("b", "3")]),
        (r#"[{}, {"a":""}, {"":"b"}]"#, &[("a", ""), ("", "b")]),
        (r#"[ { "a" : "x, y" } ] "#, &[("a", "x, y")]),
        (r#"[{"\u00e4\"":"\ud83d\ude00\\\/"}]"#, &[("ä\"", "😀\\/")]),
        (r#"[{"ä":"😀"}]"#, &[("ä", "😀")]),
    ];
    for (given, expected) in rows {
        assert_eq!(read(given), Ok(pairs(expected)), "{given}");
    }
}

#[test]
fn every_fault_of_user_properties_is_named_with_its_place() {
    let deep = format!("[{}", "[".repeat(100_000));
    let rows: &[(&str, &[&str])] = &[
        ("", &["InvalidUserProperties: the JSON array ends too early"]),
        (
            "e30=",
            &["InvalidUserProperties: a JSON array of objects is expected, like [{\"name\":\"value\"}]"],
        ),
        ("[", &["InvalidUserProperties: the JSON array ends too early"]),
        (r#"[{"a":"b"}],[{"c":"d"}]"#, &["InvalidUserProperties: this is not JSON"]),
        (r#"[{"a":"b"},]"#, &["InvalidUserProperties: this is not JSON"]),
        (
            r#"[{"a":"\ud800"},{"b":1}]"#,
            &[
                "InvalidUserProperties: element 1, pair 1: the string has an escape that is no character",
                "InvalidUserProperties: element 2, pair 1: the value has to be a string, not a number",
            ],
        ),
        (
            r#"[{"a":1},{"b":"x","c":null},{"d":[1,{"e":2}]},{"f":{"g":"h"}},{"i":true},{"j":-1.5}]"#,
            &[
                "InvalidUserProperties: element 1, pair 1: the value has to be a string, not a number",
                "InvalidUserProperties: element 2, pair 2: the value has to be a string, not null",
                "InvalidUserProperties: element 3, pair 1: the value has to be a string, not an array",
                "InvalidUserProperties: element 4, pair 1: the value has to be a string, not an object",
                "InvalidUserProperties: element 5, pair 1: the value has to be a string, not a boolean",
                "InvalidUserProperties: element 6, pair 1: the value has to be a string, not a number",
            ],
        ),
        (
            r#"["a",1,null,true,[{"a":"b"}]]"#,
            &[
                "InvalidUserProperties: element 1: an object like {\"name\":\"value\"} is expected, not a string",
                "InvalidUserProperties: element 2: an object like {\"name\":\"value\"} is expected, not a number",
                "InvalidUserProperties: element 3: an object like {\"name\":\"value\"} is expected, not null",
                "InvalidUserProperties: element 4: an object like {\"name\":\"value\"} is expected, not a boolean",
                "InvalidUserProperties: element 5: an object like {\"name\":\"value\"} is expected, not an array",
            ],
        ),
        (
            r#"[{"a":"\u0000"},{"b\n":"c"}]"#,
            &[
                "InvalidCharacter: element 1, pair 1: U+0000 is a NUL, which MQTT does not allow",
                "InvalidCharacter: element 2, pair 1: U+000A is a control character, which MQTT does not allow",
            ],
        ),
        ("*", &["InvalidBase64: this is not a character of the Base64 alphabet in use"]),
        ("[{\"a\":\"\u{1}\"}]", &["InvalidUserProperties: this is not JSON"]),
        (&deep, &["InvalidUserProperties: the JSON array ends too early"]),
    ];
    for (given, expected) in rows {
        let expected: Vec<String> = expected.iter().map(|&line| line.to_owned()).collect();
        assert_eq!(read(given), Err(expected), "{}", &given[..given.len().min(80)]);
    }
}

#[test]
fn every_fault_has_the_offset_of_the_value_in_the_json() {
    let rows: &[(&str, &[u64])] = &[
        (r#"[{"a":1}, {"b":"x", "c" : null}]"#, &[6, 26]),
        (r#"["a", 1,{"\u0000":"b"}]"#, &[1, 6, 9]),
        (r#"[{"a":"b"}"#, &[9]),
        (r#"[{"a":"b"} x"#, &[11]),
        ("[{\"a\":\n\n 1},\n]", &[9, 13]),
    ];
    for (given, expected) in rows {
        let faults = UserProperties::parse(given.as_bytes(), &Limits::default()).unwrap_err();
        let offsets: Vec<_> = faults.iter().map(|fault| fault.offset.unwrap()).collect();
        assert_eq!(offsets, *expected, "{given}");
    }
}

#[test]
fn another_encoding_than_utf8_is_named() {
    let utf16: Vec<u8> = "[{\"a\":\"b\"}]".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let rows: &[(&[u8], &str)] = &[
        (b"[{\"a\":\"gr\xfc\xdfe\"}]", "Latin-1 or Windows-1252"),
        (b"\xef\xbb\xbf[{\"a\":\"b\"}]", "UTF-8 with a byte order mark"),
        (&utf16, "UTF-16, little-endian"),
    ];
    for (given, expected) in rows {
        let mut encoded = String::new();
        base64::encode_into(given, &mut encoded);
        let expected = format!("InvalidUserProperties: the JSON has to be UTF-8, and seems to be {expected}");
        assert_eq!(read(&encoded), Err(vec![expected]), "{}", given.escape_ascii());
    }
    let in_the_field = UserProperties::parse(b"[{\"a\":\"gr\xfc\xdfe\"}]", &Limits::default()).unwrap_err();
    assert_eq!(in_the_field[0].offset, Some(9));
}

#[test]
fn of_thousands_of_broken_pairs_sixteen_are_named_and_the_others_counted() {
    let given = format!("[{}{{\"a\":1}}]", r#"{"a":1},"#.repeat(4_999));
    let faults = read(&given).unwrap_err();
    assert_eq!(faults.len(), 17);
    assert_eq!(faults[16], "InvalidUserProperties: 4984 more elements are not objects with string values");
}

#[test]
fn the_limit_counts_names_and_values() {
    let sized = |size: usize| format!(r#"[{{"name":"{}"}},{{"":""}}]"#, "x".repeat(size - 4));
    assert!(read(&sized(32 * 1024)).is_ok());
    let fault = &UserProperties::parse(sized(32 * 1024 + 1).as_bytes(), &Limits::default()).unwrap_err()[0];
    assert_eq!(
        (fault.code, fault.limit, fault.actual),
        (Code::UserPropertiesTooLarge, Some(32_768), Some(32_769))
    );
}

#[test]
fn a_name_or_value_is_no_longer_than_an_mqtt_string() {
    let limits = crate::Profile::Mqtt5.limits();
    let sized = |size: usize| format!(r#"[{{"a":"{}"}}]"#, "x".repeat(size));
    assert!(UserProperties::parse(sized(65_535).as_bytes(), &limits).is_ok());
    assert!(UserProperties::parse(sized(65_536).as_bytes(), &limits).is_err());
}

#[test]
fn the_example_of_the_documentation_is_in_normal_form() {
    let mut out = String::new();
    UserProperties::parse(SEED.as_bytes(), &Limits::default()).unwrap().encode_into(&mut out);
    assert_eq!(out, SEED);
}

proptest! {
    #[test]
    fn the_normal_form_is_the_json_that_serde_json_writes_and_reads_back(
        given in proptest::collection::vec(("[ -~äß😀]{0,8}", "[ -~\"\\\\]{0,8}"), 0..6),
    ) {
        let properties = UserProperties::from_iter(given.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let json = json::write(&properties);
        let reference: Vec<serde_json::Value> =
            given.iter().map(|(name, value)| serde_json::json!({ name: value })).collect();
        prop_assert_eq!(&json, &serde_json::to_string(&reference).unwrap());
        prop_assert_eq!(json::read(json.as_bytes()).unwrap().properties, properties);
    }

    #[test]
    fn json_is_only_called_compact_if_it_is_written_the_same_again(
        text in r#"\[( |\{|\}|"a"|"\\u0041"|"\\\\"|:|,|\{"a":"b"\}|,"c":"d"){0,9}\]"#,
    ) {
        if let Ok(Read { properties, form: Form::Compact }) = json::read(text.as_bytes()) {
            prop_assert_eq!(json::write(&properties), text);
        }
    }

    #[test]
    fn the_reader_accepts_what_serde_json_reads_as_objects_with_string_values(
        text in r#"(\[|\]|\{|\}|"a"|"b"|"\\u0041"|"\\ud800"|:|,| |1|null){0,14}"#,
    ) {
        let expected = serde_json::from_str::<Vec<serde_json::Map<String, serde_json::Value>>>(&text)
            .is_ok_and(|objects| objects.iter().all(|object| object.values().all(serde_json::Value::is_string)));
        let repeats_hide_values = text.matches(':').count() > 1;
        let accepted = json::read(text.as_bytes()).is_ok();
        prop_assert!(accepted == expected || (repeats_hide_values && expected && !accepted), "{}", text);
    }
}
