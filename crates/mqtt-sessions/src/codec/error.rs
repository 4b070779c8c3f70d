//! Why bytes cannot be decoded, and why fields cannot be encoded.

use crate::reason_code::ReasonCode;

/// Bytes from the broker that are not a packet that a client may receive. The broker is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The packet's format is wrong.
    #[error("the broker sent a malformed packet: {0}")]
    Malformed(&'static str),
    /// The packet is well-formed, but the protocol does not allow it here.
    #[error("the broker violated the protocol: {0}")]
    Protocol(&'static str),
    /// The packet is larger than the Maximum Packet Size of CONNECT.
    #[error("the broker sent a packet of {actual} bytes; CONNECT announced a maximum of {maximum}")]
    TooLarge {
        /// The size of the packet in bytes.
        actual: usize,
        /// The announced maximum in bytes.
        maximum: usize,
    },
}

/// A string or binary field has more than 65,535 bytes, or a packet has a Remaining Length of more than 268,435,455.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a field has more than 65,535 bytes, or the packet more than 268,435,455")]
pub struct TooLong;

// === impl DecodeError ===

impl DecodeError {
    /// The Reason Code of the DISCONNECT that ends such a connection (MQTT 5.0, 4.13.1).
    #[must_use]
    pub const fn reason_code(self) -> ReasonCode {
        match self {
            Self::Malformed(_) => ReasonCode::MALFORMED_PACKET,
            Self::Protocol(_) => ReasonCode::PROTOCOL_ERROR,
            Self::TooLarge { .. } => ReasonCode::PACKET_TOO_LARGE,
        }
    }
}
