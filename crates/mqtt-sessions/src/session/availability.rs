//! What a publish meets while there is no connection.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::PublishError;

/// Whether a connection can be expected soon.
#[derive(Debug)]
pub(super) enum Availability {
    /// The session is connecting. Publishes wait for it until this time.
    Expected(Instant),
    /// The broker cannot be reached. Publishes fail with this error.
    Unavailable(PublishError),
}

/// How long publishes wait for the first connection, or for a reconnect.
///
/// A broker may close a connection because of one message (Mosquitto 2.0.11 with `max_queued_messages 0` does so after a
/// publish that it denies). Other messages should not fail because of it.
pub(super) const RECONNECT_PATIENCE: Duration = Duration::from_secs(1);

/// There is no connection, for a reason other than a failed attempt to connect.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum Absence {
    #[error("the publisher is closed")]
    Closed,
    #[error("connecting takes longer than usual")]
    Slow,
}
