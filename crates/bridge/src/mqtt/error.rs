//! Why a message was not published, or may not have been: one type, from the socket up to the HTTP answer.

use std::fmt;

use http_publish::{Answer, Code, Problem, ReasonCode};

use crate::budget::Exhausted;

/// What the broker said, in MQTT 5's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerReason {
    /// The Reason Code of a PUBACK, CONNACK or DISCONNECT.
    pub reason_code: ReasonCode,
    /// The Reason String, where the broker gave one.
    pub reason_string: Option<String>,
}

/// A publish that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishError {
    /// The broker's CONNACK says Maximum QoS 0. Nothing was sent; the client is at fault.
    QosNotSupported,
    /// The broker's CONNACK says Retain Available 0. Nothing was sent; the client is at fault.
    RetainNotSupported,
    /// The packet is over the broker's Maximum Packet Size, or over MQTT's own. Nothing was sent; the client is at fault.
    PacketTooLarge {
        /// The length of the packet in bytes.
        actual: usize,
        /// The most that the broker takes, in bytes.
        maximum: usize,
    },
    /// The PUBACK says no.
    Refused(BrokerReason),
    /// The broker does not let the bridge in. Nothing was sent; the bridge's configuration or the broker is at fault.
    ConnectionRefused(BrokerReason),
    /// What listens at the broker's address does not speak MQTT 5. Nothing was sent; the broker is at fault.
    BrokerProtocol(String),
    /// There is no connection. Nothing was sent; the broker, or the way to it, is at fault.
    BrokerUnavailable(String),
    /// The connection was cut before the PUBACK and the session is gone: whether it was published is not known.
    ConnectionLost(String),
    /// Messages go over the sessions of clients, and nobody says whose message it is. Nothing was sent; the edge is at fault.
    UnidentifiedClient,
    /// The bridge has no room. Nothing was sent.
    Overloaded(String),
    /// No PUBACK in time: whether it was published, or will be, is not known.
    AcknowledgementTimeout,
}

/// A message that the broker took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// QoS 0: it was handed to the socket, and nothing tells whether it arrived.
    Sent,
    /// QoS 1: the PUBACK's Reason Code, below 0x80.
    Acknowledged(ReasonCode),
}

// === impl BrokerReason ===

impl fmt::Display for BrokerReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reason Code 0x{:02X}", self.reason_code.0)?;
        match &self.reason_string {
            Some(text) => write!(f, " ({})", text.escape_debug()),
            None => Ok(()),
        }
    }
}

// === impl PublishError ===

impl PublishError {
    /// Its name, and with it its status and who is at fault.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::QosNotSupported => Code::QosNotSupported,
            Self::RetainNotSupported => Code::RetainNotSupported,
            Self::PacketTooLarge { .. } => Code::PacketTooLarge,
            Self::Refused(reason) => match reason.reason_code.to_publish_answer() {
                Answer::Refused(code) => code,
                Answer::NoContent | Answer::Accepted => Code::BrokerProtocolError,
            },
            Self::ConnectionRefused(reason) => reason.reason_code.to_connection_problem(),
            Self::BrokerProtocol(_) => Code::BrokerProtocolError,
            Self::BrokerUnavailable(_) => Code::BrokerUnavailable,
            Self::ConnectionLost(_) => Code::ConnectionLost,
            Self::UnidentifiedClient => Code::UnidentifiedClient,
            Self::Overloaded(_) => Code::Overloaded,
            Self::AcknowledgementTimeout => Code::AcknowledgementTimeout,
        }
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QosNotSupported => f.write_str("the broker takes no QoS above 0; publish with qos=0"),
            Self::RetainNotSupported => f.write_str("the broker keeps no messages; publish with retain=0"),
            Self::PacketTooLarge { actual, maximum } => {
                write!(f, "as an MQTT packet the message has {actual} bytes; the broker takes {maximum}")
            }
            Self::Refused(reason) => write!(f, "the broker refused the message with {reason}"),
            Self::ConnectionRefused(reason) => write!(f, "the broker refused the connection with {reason}"),
            Self::BrokerProtocol(why) | Self::Overloaded(why) => f.write_str(why),
            Self::BrokerUnavailable(why) => write!(f, "there is no connection to the broker: {why}"),
            Self::ConnectionLost(why) => {
                write!(f, "{why}; whether the message was published is not known")
            }
            Self::UnidentifiedClient => f.write_str("the request does not say which client it is of"),
            Self::AcknowledgementTimeout => f.write_str(
                "the broker did not acknowledge the message in time; whether it was published is not known",
            ),
        }
    }
}

impl std::error::Error for PublishError {}

impl From<Exhausted> for PublishError {
    fn from(exhausted: Exhausted) -> Self {
        Self::Overloaded(exhausted.to_string())
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        let problem = Self::new(error.code(), error.to_string());
        match error {
            PublishError::Refused(reason) | PublishError::ConnectionRefused(reason) => {
                problem.from_broker(reason.reason_code, reason.reason_string)
            }
            _ => problem,
        }
    }
}
