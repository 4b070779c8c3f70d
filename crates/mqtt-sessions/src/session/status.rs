//! Whether a session has a connection.

/// Whether a session has a connection, or what publishes meet instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Publishes wait for the connection that is being made.
    Connecting,
    /// Publishes fail.
    Unavailable,
    Connected,
}
