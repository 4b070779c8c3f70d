//! Why a policy cannot be compiled.

use std::fmt;

/// A sentence for the operator: which part, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPolicy(String);

// === impl InvalidPolicy ===

impl InvalidPolicy {
    pub(crate) fn new(part: impl fmt::Display, expected: impl fmt::Display) -> Self {
        Self(format!("{part}: {expected}"))
    }
}

impl fmt::Display for InvalidPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for InvalidPolicy {}
