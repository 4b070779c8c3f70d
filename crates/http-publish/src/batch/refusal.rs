//! A refused line: what an edge writes in the place of a line that it refuses, so that the bridge answers all lines in their
//! order. No line of a client is one, because a line has no such member; and what reads lines believes it only of a batch
//! with [`JUDGED_LINES`](crate::JUDGED_LINES), a field that an edge lets no client set.

use serde::Deserialize;

use crate::{Code, Problem, RequestId, Violation};

#[derive(Deserialize)]
struct Refusal {
    refused: Document,
}

/// The members of a problem document that the others follow from.
#[derive(Deserialize)]
struct Document {
    code: Code,
    detail: String,
    #[serde(default)]
    violations: Vec<Violation>,
}

/// How a refused line starts.
const START: &[u8] = br#"{"refused":"#;

/// Appends a refused line.
pub fn write_refusal(out: &mut Vec<u8>, problem: &Problem) {
    out.extend_from_slice(START);
    out.extend_from_slice(&problem.to_json(None::<RequestId<'_>>));
    out.extend_from_slice(b"}\n");
}

/// Reads a refused line; `None` if the line is none, or has a code that does not exist.
#[must_use]
pub fn read_refusal(line: &[u8]) -> Option<Problem> {
    if !line.starts_with(START) {
        return None;
    }
    let Refusal { refused: Document { code, detail, violations } } = serde_json::from_slice(line).ok()?;
    Some(Problem::new(code, detail).with_violations(violations))
}
