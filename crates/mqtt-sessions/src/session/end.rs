//! Why a connection ended.

use std::io;

use crate::codec::DecodeError;
use crate::codec::disconnect::Disconnect;
use crate::reason_code::ReasonCode;

/// The end of one connection of a session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    /// The pool was closed, and the broker was sent DISCONNECT.
    #[error("the publisher was closed")]
    Closed,
    /// The client's session was evicted, and the broker was sent DISCONNECT.
    #[error("{0}")]
    Evicted(EvictionReason),
    #[error("the broker closed the connection")]
    Eof,
    #[error("the connection broke")]
    Io(#[from] io::Error),
    #[error("the broker sent DISCONNECT with {}", .0.reason)]
    Disconnected(Disconnect),
    #[error(transparent)]
    Protocol(#[from] DecodeError),
    #[error("the broker does not answer PINGREQ")]
    Silent,
    /// The broker answers PINGREQ, but has not acknowledged a message for too long.
    #[error("the broker has stopped acknowledging messages")]
    Stalled,
    /// The same, and no publisher waits for a PUBACK. The broker was sent a DISCONNECT that ends the session.
    #[error("the broker does not acknowledge some messages; the session is replaced by a new one")]
    Renewed,
    /// The session returns to the broker that it started at. Nothing was in flight, and the broker was sent a DISCONNECT that
    /// ends the session.
    #[error("the session returns to its first broker")]
    Returning,
}

/// Why a client's session is evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EvictionReason {
    #[error("the client has not published for a while")]
    Idle,
    #[error("another client needs the room")]
    Room,
}

// === impl End ===

impl End {
    /// Whether another connection has taken over the session.
    pub(crate) fn is_take_over(&self) -> bool {
        match self {
            Self::Disconnected(disconnect) => disconnect.reason.reason_code == ReasonCode::SESSION_TAKEN_OVER,
            _ => false,
        }
    }
}
