//! Why a connection ended.

use std::fmt;
use std::io;

use http_publish::ReasonCode;

use crate::mqtt::clients::Why;
use crate::mqtt::codec::DecodeError;
use crate::mqtt::codec::disconnect::Disconnect;
use crate::mqtt::error::BrokerReason;

/// The end of one connection of a session.
#[derive(Debug)]
pub(in crate::mqtt) enum End {
    /// The bridge is shutting down, and has said so to the broker.
    Closed,
    /// The client's session was let go, which the broker has been told.
    LetGo(Why),
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

/// Another connection has logged in with this Client Identifier (MQTT 5.0, 3.1.4).
const SESSION_TAKEN_OVER: ReasonCode = ReasonCode(0x8E);

// === impl End ===

impl End {
    /// Whether another connection has the session now.
    pub(in crate::mqtt) fn is_take_over(&self) -> bool {
        matches!(self, Self::Disconnected(reason) if reason.reason_code == SESSION_TAKEN_OVER)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the bridge is shutting down"),
            Self::LetGo(Why::Idle) => f.write_str("the client has not published for a while"),
            Self::LetGo(Why::Room) => f.write_str("another client needs the room"),
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
