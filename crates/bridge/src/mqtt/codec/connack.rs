//! CONNACK (MQTT 5.0, 3.2): whether the broker lets the bridge in, and what it will take.

use std::num::{NonZeroU16, NonZeroU32};

use http_publish::{QoS, ReasonCode};

use super::DecodeError;
use super::reader::{Reader, flag, once};

/// Whether the broker still has the session (MQTT 5.0, 3.2.2.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionPresent {
    /// It is a new one.
    No,
    /// It goes on from where it was.
    Yes,
}

/// Whether the broker keeps retained messages (MQTT 5.0, 3.2.2.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetainAvailable {
    /// It does not.
    No,
    /// It does.
    Yes,
}

/// What the broker answered to CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnAck {
    /// Whether the session goes on.
    pub session_present: SessionPresent,
    /// Success, or why the broker closes the connection.
    pub reason_code: ReasonCode,
    /// The broker's own words.
    pub reason_string: Option<String>,
    /// What the broker will take on this connection.
    pub limits: ServerLimits,
    /// The Client Identifier that the broker chose, where CONNECT left it to the broker.
    pub assigned_client_identifier: Option<String>,
    /// The Keep Alive in seconds that replaces the one of CONNECT.
    pub server_keep_alive: Option<u16>,
}

/// What a broker takes; where its CONNACK is silent, MQTT 5's own defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// How many QoS 1 messages may be unacknowledged at a time.
    pub receive_maximum: NonZeroU16,
    /// The highest QoS.
    pub maximum_qos: QoS,
    /// Whether RETAIN 1 is allowed.
    pub retain_available: RetainAvailable,
    /// The largest packet in bytes; `None` is the protocol's own limit.
    pub maximum_packet_size: Option<NonZeroU32>,
}

// === impl ServerLimits ===

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            receive_maximum: NonZeroU16::MAX,
            maximum_qos: QoS::AtLeastOnce,
            retain_available: RetainAvailable::Yes,
            maximum_packet_size: None,
        }
    }
}

// === impl ConnAck ===

/// What a broker says that knows MQTT 3.1.1 only: "unacceptable protocol version", and no properties.
const MQTT_3_UNACCEPTABLE_PROTOCOL_VERSION: u8 = 0x01;
const UNSUPPORTED_PROTOCOL_VERSION: ReasonCode = ReasonCode(0x84);

impl ConnAck {
    /// Reads what follows the fixed header.
    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut body = Reader::new(body);
        let session_present = match body.byte()? {
            0 => SessionPresent::No,
            1 => SessionPresent::Yes,
            _ => return Err(DecodeError::Malformed("CONNACK's reserved flags are set")),
        };
        let mut connack = Self {
            session_present,
            reason_code: ReasonCode(body.byte()?),
            reason_string: None,
            limits: ServerLimits::default(),
            assigned_client_identifier: None,
            server_keep_alive: None,
        };
        if body.is_empty() && connack.reason_code != ReasonCode::SUCCESS {
            if connack.reason_code.0 == MQTT_3_UNACCEPTABLE_PROTOCOL_VERSION {
                connack.reason_code = UNSUPPORTED_PROTOCOL_VERSION;
            }
            return Ok(connack);
        }
        connack.read_properties(body.properties()?)?;
        if !body.is_empty() {
            return Err(DecodeError::Malformed("bytes follow CONNACK's properties"));
        }
        Ok(connack)
    }

    fn read_properties(&mut self, mut properties: Reader<'_>) -> Result<(), DecodeError> {
        let (mut receive_maximum, mut maximum_qos, mut retain_available, mut maximum_packet_size) =
            (None, None, None, None);
        while !properties.is_empty() {
            match properties.variable_byte_integer()? {
                0x21 => once(&mut receive_maximum, properties.two_byte_integer()?)?,
                0x24 => once(&mut maximum_qos, flag(properties.byte()?)?)?,
                0x25 => once(&mut retain_available, flag(properties.byte()?)?)?,
                0x27 => once(&mut maximum_packet_size, properties.four_byte_integer()?)?,
                0x12 => once(&mut self.assigned_client_identifier, properties.utf8_string()?.to_owned())?,
                0x13 => once(&mut self.server_keep_alive, properties.two_byte_integer()?)?,
                0x1F => once(&mut self.reason_string, properties.utf8_string()?.to_owned())?,
                0x26 => properties.skip_user_property()?,
                // Session Expiry Interval: what counts is Session Present on the next connection.
                0x11 => drop(properties.four_byte_integer()?),
                // Topic Alias Maximum: this publisher sends whole Topic Names.
                0x22 => drop(properties.two_byte_integer()?),
                // Wildcard, Subscription Identifier and Shared Subscription Available: for subscribers.
                0x28..=0x2A => drop(properties.byte()?),
                // Response Information, Server Reference, Authentication Method and Data: not asked for.
                0x1A | 0x1C | 0x15 => drop(properties.utf8_string()?),
                0x16 => drop(properties.binary_data()?),
                _ => return Err(DecodeError::Protocol("CONNACK has a property that it may not have")),
            }
        }
        if let Some(value) = receive_maximum {
            self.limits.receive_maximum =
                NonZeroU16::new(value).ok_or(DecodeError::Protocol("Receive Maximum is 0"))?;
        }
        if let Some(value) = maximum_packet_size {
            let size = NonZeroU32::new(value).ok_or(DecodeError::Protocol("Maximum Packet Size is 0"))?;
            self.limits.maximum_packet_size = Some(size);
        }
        if maximum_qos == Some(0) {
            self.limits.maximum_qos = QoS::AtMostOnce;
        }
        if retain_available == Some(0) {
            self.limits.retain_available = RetainAvailable::No;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connack_without_properties_has_the_defaults_of_the_protocol() {
        let connack = ConnAck::decode(&[1, 0, 0]).unwrap();
        assert_eq!(connack.session_present, SessionPresent::Yes);
        assert_eq!(connack.limits.receive_maximum.get(), 65_535);
        assert_eq!(connack.limits.maximum_qos, QoS::AtLeastOnce);
        assert_eq!(connack.limits.retain_available, RetainAvailable::Yes);
        assert_eq!(connack.limits.maximum_packet_size, None);
    }

    #[test]
    fn every_limit_of_the_broker_is_read() {
        let properties = [0x21, 0, 10, 0x24, 0, 0x25, 0, 0x27, 0, 0, 4, 0, 0x13, 0, 30, 0x22, 0, 5, 0x28, 1];
        let mut body = vec![0, 0, u8::try_from(properties.len()).unwrap()];
        body.extend_from_slice(&properties);
        let connack = ConnAck::decode(&body).unwrap();
        assert_eq!(connack.limits.receive_maximum.get(), 10);
        assert_eq!(connack.limits.maximum_qos, QoS::AtMostOnce);
        assert_eq!(connack.limits.retain_available, RetainAvailable::No);
        assert_eq!(connack.limits.maximum_packet_size.map(NonZeroU32::get), Some(1024));
        assert_eq!(connack.server_keep_alive, Some(30));
    }

    #[test]
    fn what_a_connack_may_not_say_is_an_error() {
        let rows: &[(&[u8], &str)] = &[
            (&[2, 0, 0], "a reserved flag"),
            (&[0, 0, 3, 0x21, 0, 0], "Receive Maximum 0"),
            (&[0, 0, 5, 0x27, 0, 0, 0, 0], "Maximum Packet Size 0"),
            (&[0, 0, 2, 0x24, 2], "Maximum QoS 2"),
            (&[0, 0, 4, 0x24, 1, 0x24, 1], "Maximum QoS twice"),
            (&[0, 0, 2, 0x01, 1], "a Payload Format Indicator"),
            (&[0, 0, 0, 0], "bytes behind the properties"),
            (&[0, 0], "no properties, and success"),
            (&[0], "no Reason Code"),
            (&[], "nothing"),
        ];
        for (given, what) in rows {
            assert!(ConnAck::decode(given).is_err(), "{what}");
        }
    }

    #[test]
    fn a_broker_that_knows_only_mqtt_3_says_that_it_does_not_know_the_version() {
        assert_eq!(ConnAck::decode(&[0, 1]).unwrap().reason_code, ReasonCode(0x84));
    }
}
