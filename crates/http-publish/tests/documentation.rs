//! The documentation says what the code does.

use http_publish::{Code, Limits, Profile};

const PROBLEMS: &str = include_str!("../../../docs/problems.md");
const README: &str = include_str!("../../../README.md");

#[test]
fn the_table_of_problems_lists_every_code_as_it_is() {
    let rows: Vec<&str> =
        PROBLEMS.lines().filter(|line| line.starts_with("| `") && line.matches('|').count().eq(&5)).collect();
    let expected: Vec<String> = Code::ALL
        .iter()
        .map(|code| {
            let at_fault = format!("{:?}", code.at_fault()).to_lowercase();
            format!("| `{}` | {} | {at_fault} | {} |", code.as_str(), code.status(), code.title())
        })
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn the_readme_names_the_default_limits() {
    let Limits {
        topic_bytes,
        topic_segments,
        response_topic_bytes,
        correlation_data_bytes,
        user_properties_bytes,
        content_type_bytes,
        payload_bytes,
        ..
    } = Profile::Azure.limits();
    let rows = [
        ("Topic Name", format!("{topic_bytes} bytes decoded, {topic_segments} segments")),
        ("Response Topic", format!("{response_topic_bytes} bytes decoded")),
        ("Correlation Data", format!("{correlation_data_bytes} bytes decoded")),
        ("User Properties", format!("{} KiB: names and values added up", user_properties_bytes / 1024)),
        ("Content Type", format!("{content_type_bytes} bytes")),
        ("Payload", format!("{} KiB", payload_bytes / 1024)),
    ];
    for (parameter, limit) in rows {
        let row = README.lines().find(|line| line.starts_with(&format!("| {parameter} |")));
        assert!(row.is_some_and(|row| row.ends_with(&format!("| {limit} |"))), "{parameter}: {row:?}");
    }
}

#[test]
fn the_readme_has_a_row_for_every_status() {
    let table: String = README
        .lines()
        .skip_while(|line| !line.starts_with("| status |"))
        .take_while(|line| line.starts_with('|'))
        .collect();
    for code in Code::ALL {
        assert!(table.contains(&code.status().to_string()), "{code:?}");
    }
}
