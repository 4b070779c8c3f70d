//! The answer to a batch: one line for each message. `index` counts from 0.

use std::io::Write;

use crate::{Decision, Problem, Publish, ReasonCode, RequestId};

/// Appends the line of a message that was published, or accepted with QoS 0.
pub fn sent(out: &mut Vec<u8>, index: usize, status: u16, reason_code: Option<ReasonCode>) {
    let ReasonCode(reason_code) = reason_code.unwrap_or(ReasonCode::SUCCESS);
    // Writing to a Vec cannot fail.
    let _ = writeln!(out, r#"{{"index":{index},"status":{status},"mqttReasonCode":{reason_code}}}"#);
}

/// Appends the line of a message that was refused: the members of its problem.
pub fn refused(out: &mut Vec<u8>, index: usize, problem: &Problem) {
    with_index(out, index, &problem.to_json(None));
}

/// Appends the line of a message that is only shown.
pub fn shown(out: &mut Vec<u8>, index: usize, publish: &Publish<'_>, payload_bytes: u64) {
    let document = publish.to_dry_run_json(payload_bytes, Decision::default(), None::<RequestId<'_>>);
    with_index(out, index, &document);
}

/// Appends a JSON object with `index` as its first member.
fn with_index(out: &mut Vec<u8>, index: usize, object: &[u8]) {
    let _ = write!(out, r#"{{"index":{index},"#);
    out.extend_from_slice(object.strip_prefix(b"{").unwrap_or(object));
    out.push(b'\n');
}
