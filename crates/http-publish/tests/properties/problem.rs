//! Problem documents: whatever words they repeat, they are JSON and say them.

use http_publish::{Code, Problem, ReasonCode, RequestId};
use serde_json::Value;

/// Renders a problem with these words in it.
///
/// # Panics
/// Where the document does not say what it was given.
pub(crate) fn check(code: u8, reason: u8, words: &str) {
    let code = Code::ALL[usize::from(code) % Code::ALL.len()];
    let request_id = RequestId::new(words.as_bytes());
    let problem =
        Problem::new(code, words.to_owned()).from_broker(ReasonCode(reason), Some(words.to_owned()));
    let document = problem.to_json(request_id);
    assert!(!document.iter().any(|byte| *byte < b' '), "nothing of it can break a line");
    let document: Value = serde_json::from_slice(&document).expect("a problem is JSON");
    assert_eq!(document["detail"], words);
    assert_eq!(document["mqttReasonString"], words);
    assert_eq!(document["mqttReasonCode"], reason);
    assert_eq!(document["status"], code.status());
    assert_eq!(document["requestId"].as_str(), request_id.map(RequestId::as_str));
    if let Some(request_id) = request_id {
        assert!(request_id.as_str() == words && words.bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
