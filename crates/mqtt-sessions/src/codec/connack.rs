//! CONNACK (MQTT 5.0, 3.2): whether the broker accepts the connection, and its limits.

use std::num::{NonZeroU16, NonZeroU32};

use super::error::DecodeError;
use super::property::PropertyIdentifier;
use super::reader::{Reader, UNEXPECTED_PROPERTY, flag, once};
use crate::message::QoS;
use crate::reason_code::{BrokerReason, ReasonCode};

/// Whether the broker still has the session (MQTT 5.0, 3.2.2.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionPresent {
    /// The session is new.
    No,
    /// The session continues.
    Yes,
}

/// Whether the broker keeps retained messages (MQTT 5.0, 3.2.2.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetainAvailable {
    /// The broker rejects RETAIN 1.
    No,
    /// The broker accepts RETAIN 1.
    Yes,
}

/// The broker's answer to CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnAck {
    /// Whether the session continues.
    pub session_present: SessionPresent,
    /// Success, or why the broker refuses the connection.
    pub reason: BrokerReason,
    /// The broker's limits for this connection.
    pub limits: ServerLimits,
    /// The Client Identifier that the broker assigned, if it did.
    pub assigned_client_identifier: Option<String>,
    /// The Keep Alive in seconds that replaces the one of CONNECT.
    pub server_keep_alive: Option<u16>,
    /// The servers to use instead, as the broker writes them (4.11).
    pub server_reference: Option<String>,
}

/// The broker's limits. The defaults are those of MQTT 5 for properties that the CONNACK omits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// How many QoS 1 messages may be unacknowledged at a time.
    pub receive_maximum: NonZeroU16,
    /// The highest QoS.
    pub maximum_qos: QoS,
    /// Whether RETAIN 1 is accepted.
    pub retain_available: RetainAvailable,
    /// The largest packet in bytes. `None`: the protocol's own limit.
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

/// The answer of a broker that supports MQTT 3.1.1 only: "unacceptable protocol version", without properties.
const MQTT_3_UNACCEPTABLE_PROTOCOL_VERSION: ReasonCode = ReasonCode(0x01);

impl ConnAck {
    /// Decodes the bytes after the fixed header.
    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut body = Reader::new(body);
        let session_present = match body.byte()? {
            0 => SessionPresent::No,
            1 => SessionPresent::Yes,
            _ => return Err(DecodeError::Malformed("CONNACK's reserved flags are set")),
        };
        let mut connack = Self {
            session_present,
            reason: BrokerReason { reason_code: ReasonCode(body.byte()?), reason_string: None },
            limits: ServerLimits::default(),
            assigned_client_identifier: None,
            server_keep_alive: None,
            server_reference: None,
        };
        if body.is_empty() && connack.reason.reason_code != ReasonCode::SUCCESS {
            if connack.reason.reason_code == MQTT_3_UNACCEPTABLE_PROTOCOL_VERSION {
                connack.reason.reason_code = ReasonCode::UNSUPPORTED_PROTOCOL_VERSION;
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
            match properties.property()? {
                PropertyIdentifier::ReceiveMaximum => {
                    once(&mut receive_maximum, properties.two_byte_integer()?)?
                }
                PropertyIdentifier::MaximumQos => once(&mut maximum_qos, flag(properties.byte()?)?)?,
                PropertyIdentifier::RetainAvailable => {
                    once(&mut retain_available, flag(properties.byte()?)?)?
                }
                PropertyIdentifier::MaximumPacketSize => {
                    once(&mut maximum_packet_size, properties.four_byte_integer()?)?;
                }
                PropertyIdentifier::AssignedClientIdentifier => {
                    once(&mut self.assigned_client_identifier, properties.utf8_string()?.to_owned())?;
                }
                PropertyIdentifier::ServerKeepAlive => {
                    once(&mut self.server_keep_alive, properties.two_byte_integer()?)?;
                }
                PropertyIdentifier::ReasonString => {
                    once(&mut self.reason.reason_string, properties.utf8_string()?.to_owned())?;
                }
                PropertyIdentifier::ServerReference => {
                    once(&mut self.server_reference, properties.utf8_string()?.to_owned())?;
                }
                PropertyIdentifier::UserProperty => properties.skip_user_property()?,
                // Session Present on the next connection tells whether the session still exists.
                PropertyIdentifier::SessionExpiryInterval => drop(properties.four_byte_integer()?),
                // Topic Names are always sent whole.
                PropertyIdentifier::TopicAliasMaximum => drop(properties.two_byte_integer()?),
                // These concern subscribers.
                PropertyIdentifier::WildcardSubscriptionAvailable
                | PropertyIdentifier::SubscriptionIdentifierAvailable
                | PropertyIdentifier::SharedSubscriptionAvailable => drop(properties.byte()?),
                // CONNECT requests none of these.
                PropertyIdentifier::ResponseInformation | PropertyIdentifier::AuthenticationMethod => {
                    properties.utf8_string()?;
                }
                PropertyIdentifier::AuthenticationData => {
                    properties.binary_data()?;
                }
                _ => return Err(UNEXPECTED_PROPERTY),
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
    fn every_limit_of_the_broker_is_decoded() {
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
    fn an_invalid_connack_is_an_error() {
        let rows: &[(&[u8], &str)] = &[
            (&[2, 0, 0], "a reserved flag"),
            (&[0, 0, 3, 0x21, 0, 0], "Receive Maximum 0"),
            (&[0, 0, 5, 0x27, 0, 0, 0, 0], "Maximum Packet Size 0"),
            (&[0, 0, 2, 0x24, 2], "Maximum QoS 2"),
            (&[0, 0, 4, 0x24, 1, 0x24, 1], "Maximum QoS twice"),
            (&[0, 0, 2, 0x01, 1], "a Payload Format Indicator"),
            (&[0, 0, 0, 0], "bytes after the properties"),
            (&[0, 0], "no properties, and success"),
            (&[0], "no Reason Code"),
            (&[], "nothing"),
        ];
        for (given, what) in rows {
            assert!(ConnAck::decode(given).is_err(), "{what}");
        }
    }

    #[test]
    fn the_answer_of_an_mqtt_3_broker_means_unsupported_protocol_version() {
        assert_eq!(ConnAck::decode(&[0, 1]).unwrap().reason.reason_code, ReasonCode(0x84));
    }
}
