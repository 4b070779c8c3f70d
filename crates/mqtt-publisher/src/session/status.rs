//! Whether a session has a connection.

/// Whether a session has a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Disconnected,
    Connected,
}
