//! Errors of a publish, and how to display an error with its causes.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::budget::Exhausted;
use crate::codec::DecodeError;
use crate::reason_code::BrokerReason;

/// A message that was not published, or that may not have been published.
///
/// A PUBACK is never an error here, whatever its Reason Code: it is the broker's answer, a
/// [`Delivery`](crate::Delivery).
#[derive(Clone, Debug, thiserror::Error)]
pub enum PublishError {
    /// The broker's CONNACK has Maximum QoS 0. The message was not sent; it is at fault.
    #[error("the broker does not support QoS 1; publish with QoS 0")]
    QosNotSupported,
    /// The broker's CONNACK has Retain Available 0. The message was not sent; it is at fault.
    #[error("the broker does not support retained messages; publish without RETAIN")]
    RetainNotSupported,
    /// The packet exceeds the broker's Maximum Packet Size, or MQTT's own. The message was not sent; it is at fault.
    #[error("the MQTT packet has {actual} bytes; the maximum is {maximum}")]
    PacketTooLarge {
        /// The length of the packet in bytes.
        actual: usize,
        /// The maximum in bytes.
        maximum: usize,
    },
    /// The broker refuses the connection. The message was not sent; the configuration or the broker is at fault.
    #[error("the broker refused the connection with {0}")]
    ConnectionRefused(BrokerReason),
    /// The broker refuses the client's own User Name and Password (CONNACK 0x86), or the client that they are of (0x87). The
    /// message was not sent; the client is at fault.
    #[error("the broker refused the connection of the client with {0}")]
    ClientRefused(BrokerReason),
    /// The broker closed the connection with a DISCONNECT. The message was not sent; the broker is at fault.
    #[error("the broker closed the connection with {0}")]
    ConnectionClosed(BrokerReason),
    /// The broker violates MQTT 5: in its answer to CONNECT, or to this message, which it then may have published.
    #[error("the broker cannot be used")]
    BrokerProtocol(#[from] DecodeError),
    /// The broker closed the connection with this DISCONNECT when the message was sent, and again when it was sent again. It
    /// will not be sent again. Whether the broker has published it is unknown.
    #[error("the broker closes the connection with {0} whenever it receives this message")]
    MessageRejected(BrokerReason),
    /// There is no connection. The message was not sent; the broker or the network is at fault.
    #[error("there is no connection to the broker")]
    BrokerUnavailable(#[source] Arc<dyn Error + Send + Sync>),
    /// The connection was lost before the PUBACK, and the message will not be sent again. Whether the broker has it is
    /// unknown.
    #[error("{0}; whether the message was published is unknown")]
    ConnectionLost(Loss),
    /// Each client has its own session, and no client was named. The message was not sent; the caller is at fault.
    #[error("the client that publishes the message is unknown")]
    MissingClient,
    /// Each client logs in with its own Password, and none was given. The message was not sent; the caller is at fault.
    #[error("the Password of the client is unknown")]
    MissingPassword,
    /// There is no room for the message. It was not sent.
    #[error(transparent)]
    Overloaded(#[from] Overload),
    /// The PUBACK did not arrive in time. Whether the broker has the message is unknown. It will not be sent again.
    #[error("the broker did not acknowledge the message in time; whether it was published is unknown")]
    AcknowledgementTimeout,
    /// QoS 0: the message could not be written to the socket in time. Whether the broker has it, or will get it, is unknown.
    #[error("the broker did not read the message in time; whether it was published is unknown")]
    WriteTimeout,
}

/// Why the outcome of a message that was sent stays unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// The broker no longer has the session.
    #[error("the connection to the broker was lost, and the session with it")]
    Session,
    /// The broker closes the connection whenever it receives this message.
    #[error("the broker closes the connection whenever it receives this message")]
    Isolated,
    /// The broker's CONNACK no longer allows the message to be sent again.
    #[error("the connection to the broker was lost, and the limits of its new CONNACK forbid the message")]
    Forbidden,
    /// Another connection uses the client's Client Identifier.
    #[error("another connection has taken over the session of this client")]
    TakenOver,
    /// The session was closed.
    #[error("the connection to the broker was closed")]
    Closed,
}

/// What there is no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Overload {
    /// The budget of messages and bytes in flight.
    #[error(transparent)]
    Budget(#[from] Exhausted),
    /// The broker's Receive Maximum, until the publish time-out.
    #[error("the broker did not make room for the message in time; the message was not sent")]
    ReceiveMaximum,
    /// The 65,535 Packet Identifiers of the session.
    #[error("all 65,535 Packet Identifiers of the session are in use")]
    PacketIdentifiers,
    /// What a topic may use of the Receive Maximum while its messages are not acknowledged.
    #[error("the broker does not acknowledge messages of this topic; the message was not sent")]
    UnansweredTopic,
    /// The sessions of clients: all of them are publishing.
    #[error("the limit of client sessions is reached, and all of them are publishing")]
    ClientSessions,
}

/// An error on one line with its causes: `error: cause: cause of the cause`.
///
/// ```
/// use mqtt_sessions::Chain;
///
/// let error = std::io::Error::other("the cable is unplugged");
/// assert_eq!(Chain(&error).to_string(), "the cable is unplugged");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

// === impl PublishError ===

impl PublishError {
    pub(crate) fn unavailable(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::BrokerUnavailable(Arc::new(cause))
    }
}

impl From<Exhausted> for PublishError {
    fn from(exhausted: Exhausted) -> Self {
        Self::Overloaded(exhausted.into())
    }
}

// === impl Chain ===

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}
