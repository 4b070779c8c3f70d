//! The error of the exporter.

/// Spans cannot be exported.
#[derive(Debug, thiserror::Error)]
#[error("spans cannot be exported")]
pub struct SpansError(#[source] Box<dyn std::error::Error + Send + Sync>);

// === impl SpansError ===

impl SpansError {
    pub(super) fn new(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}
