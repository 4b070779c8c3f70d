//! Why a configuration cannot be used.

use policy::InvalidPolicy;

/// A sentence for the operator: which field, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// A field cannot be read, or cannot have this value.
    #[error("{field}: {expected}")]
    Field {
        /// Where in the document.
        field: String,
        /// What was found or expected there.
        expected: String,
    },
    /// Permissions, routing or enrichment cannot be compiled.
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
}

// === impl InvalidConfig ===

impl InvalidConfig {
    pub(crate) fn new(field: impl ToString, expected: impl ToString) -> Self {
        Self::Field { field: field.to_string(), expected: expected.to_string() }
    }
}
