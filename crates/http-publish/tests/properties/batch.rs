//! A batch: whatever its payload is made of, each line becomes a message that keeps all that is promised, or a problem.

use http_publish::batch::{Batch, Line, MAX_LINES, read, read_refusal, refused, shown, write_refusal};
use http_publish::{Code, RequestHead, Rules, UserProperties};
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
        if let Some(problem) = read_refusal(line) {
            let shown: Value = serde_json::from_slice(&problem.to_json(None)).expect("a problem is JSON");
            assert_eq!(shown["status"], problem.code().status());
        }
        let mut answer = Vec::new();
        match batch.read_line(line, &rules.limits) {
            Err(problem) => {
                request::check_problem(&problem, None);
                let mut refusal = Vec::new();
                write_refusal(&mut refusal, &problem);
                let as_line = batch.read_line(&refusal, &rules.limits).expect_err("no client can send one");
                assert_eq!(as_line.code(), Code::InvalidBatchLine);
                assert_eq!(read_refusal(refusal.trim_ascii_end()), Some(problem.clone()));
                refused(&mut answer, index, &problem);
            }
            Ok(line) => {
                check_normal_form(&batch, &line, rules);
                let Line { publish, payload } = line;
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

/// The normal form is one line, which is read as the same message, and whose normal form it is.
fn check_normal_form(batch: &Batch<'_>, line: &Line<'_>, rules: &Rules) {
    let batch = Batch { user_properties: UserProperties::default(), ..batch.clone() };
    let mut written = Vec::new();
    batch.write_line(line, &mut written);
    let text = written.trim_ascii_end();
    assert_eq!(text.iter().position(|&byte| byte == b'\n'), None, "one line");
    let again = batch.read_line(text, &rules.limits).expect("the normal form is a line");
    assert_eq!(again, *line);
    let mut rewritten = Vec::new();
    batch.write_line(&again, &mut rewritten);
    assert_eq!(rewritten, written);
}
