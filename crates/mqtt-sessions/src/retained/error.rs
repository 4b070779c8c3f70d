//! Why retained messages could not be read.

use std::time::Duration;

use crate::codec::DecodeError;
use crate::subscriber::SubscribeError;

/// Retained messages could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no connection, or the broker refuses the subscription.
    #[error("retained messages cannot be read")]
    Subscribe(#[from] SubscribeError),
    /// The connection ended before the read was over.
    #[error("the connection to the broker was lost during the read")]
    Lost(#[source] std::io::Error),
    /// The broker violated the protocol.
    #[error(transparent)]
    Protocol(#[from] DecodeError),
    /// The read was not over in time.
    #[error("the read took longer than {} ms", .0.as_millis())]
    TimedOut(Duration),
}

// === impl ReadError ===

impl From<std::io::Error> for ReadError {
    fn from(error: std::io::Error) -> Self {
        Self::Lost(error)
    }
}
