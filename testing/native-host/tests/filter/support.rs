//! What the tests share.

use native_host::{Config, Stream};
use serde_json::Value;

/// A configuration in which clients have no id.
pub(crate) const CLOSED_MESH: &str = r#"{"clientId": {"from": "none"}}"#;

pub(crate) fn config(json: &str) -> Config {
    Config::load(json).unwrap_or_else(|errors| panic!("{json}: {errors:?}"))
}

/// A publish with a target, its head not yet shown to the filter.
pub(crate) fn publish(config: &Config, target: &str) -> Stream {
    let mut stream = Stream::open(config);
    stream.field(":method", "POST").field(":path", target).field(":authority", "edge");
    stream.field("x-request-id", "0f8fad5b-d9cb-469f-a165-70867728950e");
    stream
}

/// The status, `%RESPONSE_CODE_DETAILS%` and code of what the filter answered.
pub(crate) fn refusal(stream: &Stream) -> Option<(u32, String, String)> {
    let answer = stream.answer()?;
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    assert!(answer.fields.contains(&("content-type".to_owned(), "application/problem+json".to_owned())));
    Some((answer.status, answer.details, problem["code"].as_str().unwrap().to_owned()))
}

/// What [`refusal`] gives for a code.
pub(crate) fn refused(status: u32, code: &str) -> Option<(u32, String, String)> {
    Some((status, format!("postmqtt{{{code}}}"), code.to_owned()))
}
