//! What a port is for.

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routes {
    /// Messages, health checks and metrics.
    All,
    /// Health checks and metrics.
    Admin,
}
