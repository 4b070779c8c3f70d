//! A batch: whatever its payload is made of, each line becomes a message that keeps all that is promised, or a problem.

use http_publish::batch::{Batch, Line, MAX_LINES, read, refused, shown};
use http_publish::{RequestHead, Rules};
use serde_json::Value;

use crate::request;

/// Reads the payload of a batch to this target and checks what came of it.
///
/// # Panics
/// Where a promise is broken.
pub(crate) fn check(target: &[u8], payload: &[u8], rules: &Rules) {
    let head = RequestHead::from_fields([(&b":method"[..], &b"POST"[..]), (b":path", target)]);
    let (Ok(batch), Ok(lines)) = (read(&head, rules), Batch::lines(payload)) else { return };
    assert!((1..=MAX_LINES).contains(&lines.len()));
    for (index, line) in lines.into_iter().enumerate() {
        let mut answer = Vec::new();
        match batch.read_line(line, &rules.limits) {
            Err(problem) => {
                request::check_problem(&problem, None);
                refused(&mut answer, index, &problem);
            }
            Ok(Line { publish, payload }) => {
                request::check_limits(&publish, rules);
                assert!(payload.len() as u64 <= rules.limits.payload_bytes);
                assert!(batch.topic_name.as_ref().is_none_or(|topic| *topic == publish.topic_name));
                shown(&mut answer, index, &publish, payload.len() as u64);
            }
        }
        assert_eq!(answer.iter().filter(|&&byte| byte == b'\n').count(), 1, "one line");
        let answer: Value = serde_json::from_slice(&answer).expect("a line is JSON");
        assert_eq!(answer["index"], index);
    }
}
