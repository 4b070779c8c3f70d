//! Reason Codes (MQTT 5.0, 2.4), as the broker sent them.

use std::fmt;

/// A Reason Code of a PUBACK, CONNACK or DISCONNECT.
///
/// Any byte is accepted: what a code means, and whether its packet may have it, is for the application to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReasonCode(pub u8);

/// What the broker said about a message, a login or a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerReason {
    /// The Reason Code.
    pub reason_code: ReasonCode,
    /// The Reason String, if the broker sent one.
    pub reason_string: Option<String>,
}

// === impl ReasonCode ===

impl ReasonCode {
    /// Success, or Normal disconnection.
    pub const SUCCESS: Self = Self(0x00);
    /// No matching subscribers: the message was accepted, and no subscription matches its topic.
    pub const NO_MATCHING_SUBSCRIBERS: Self = Self(0x10);
    /// Malformed Packet.
    pub const MALFORMED_PACKET: Self = Self(0x81);
    /// Protocol Error.
    pub const PROTOCOL_ERROR: Self = Self(0x82);
    /// Unsupported Protocol Version.
    pub const UNSUPPORTED_PROTOCOL_VERSION: Self = Self(0x84);
    /// Bad User Name or Password.
    pub const BAD_USER_NAME_OR_PASSWORD: Self = Self(0x86);
    /// Not authorized.
    pub const NOT_AUTHORIZED: Self = Self(0x87);
    /// Server shutting down.
    pub const SERVER_SHUTTING_DOWN: Self = Self(0x8B);
    /// Session taken over: another connection uses the same Client Identifier (MQTT 5.0, 3.1.4).
    pub const SESSION_TAKEN_OVER: Self = Self(0x8E);
    /// Packet too large.
    pub const PACKET_TOO_LARGE: Self = Self(0x95);
    /// Use another server, for now (MQTT 5.0, 4.11).
    pub const USE_ANOTHER_SERVER: Self = Self(0x9C);
    /// Server moved: use another one from now on (MQTT 5.0, 4.11).
    pub const SERVER_MOVED: Self = Self(0x9D);

    /// Whether the operation has failed (MQTT 5.0, 2.4).
    pub(crate) const fn is_error(self) -> bool {
        self.0 >= 0x80
    }

    /// Whether a CONNACK with it refuses the User Name and Password, or the client that they are of.
    pub(crate) fn refuses_login(self) -> bool {
        matches!(self, Self::BAD_USER_NAME_OR_PASSWORD | Self::NOT_AUTHORIZED)
    }
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
