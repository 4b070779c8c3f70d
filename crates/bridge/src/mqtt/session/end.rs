//! Why a connection ended.

use std::fmt;
use std::io;

use crate::mqtt::codec::DecodeError;
use crate::mqtt::codec::disconnect::Disconnect;
use crate::mqtt::error::BrokerReason;

/// The end of one connection of a session.
#[derive(Debug)]
pub(super) enum End {
    /// The bridge is shutting down, and has said so to the broker.
    Closed,
    /// The socket was closed or broke.
    Cut(String),
    /// The broker sent DISCONNECT.
    Disconnected(BrokerReason),
    /// The broker sent what it may not.
    Protocol(DecodeError),
    /// The broker did not answer a PINGREQ.
    Silent,
    /// The broker answers PINGREQ, and has not acknowledged a message for far too long.
    Stalled,
}

// === impl End ===

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the bridge is shutting down"),
            Self::Cut(why) => f.write_str(why),
            Self::Disconnected(reason) => write!(f, "the broker sent DISCONNECT with {reason}"),
            Self::Protocol(error) => write!(f, "{error}"),
            Self::Silent => f.write_str("the broker does not answer PINGREQ"),
            Self::Stalled => f.write_str("the broker has stopped acknowledging messages"),
        }
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Cut(error.to_string())
    }
}

impl From<DecodeError> for End {
    fn from(error: DecodeError) -> Self {
        Self::Protocol(error)
    }
}

impl From<Disconnect> for End {
    fn from(Disconnect { reason_code, reason_string }: Disconnect) -> Self {
        Self::Disconnected(BrokerReason { reason_code, reason_string })
    }
}
