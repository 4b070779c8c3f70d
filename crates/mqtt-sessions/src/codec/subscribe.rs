//! SUBSCRIBE and UNSUBSCRIBE (MQTT 5.0, 3.8 and 3.10), with one Topic Filter each.

use std::num::NonZeroU32;

use super::error::TooLong;
use super::property::PropertyIdentifier;
use super::puback::PacketIdentifier;
use super::writer::{binary_length, put_binary, put_variable_byte_integer, variable_byte_integer_length};
use crate::message::QoS;

/// A subscription. No Local and Retain As Published are 0: RETAIN is set on messages that the broker had retained before the
/// subscription, and only on them (3.3.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subscription {
    /// The Topic Filter, at most 65,535 bytes. The caller makes sure that it is valid (4.7).
    pub topic_filter: String,
    /// The highest QoS at which the broker sends messages. QoS 2 is never requested.
    pub maximum_qos: QoS,
    /// Whether the broker sends the messages that it retains.
    pub retain_handling: RetainHandling,
    /// The number that accompanies each message of the subscription.
    pub identifier: Option<SubscriptionIdentifier>,
}

/// Whether the broker sends retained messages when the subscription is made (MQTT 5.0, 3.8.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RetainHandling {
    /// 0: each time that the subscription is made.
    #[default]
    Send,
    /// 2: never.
    DoNotSend,
}

/// A Subscription Identifier (MQTT 5.0, 3.8.2.1.2): 1 to 268,435,455.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionIdentifier(NonZeroU32);

const SUBSCRIBE: u8 = 0x82;
const UNSUBSCRIBE: u8 = 0xA2;

/// The length of a Packet Identifier.
const PACKET_IDENTIFIER_LENGTH: usize = 2;

// === impl Subscription ===

impl Subscription {
    /// A subscription of QoS 1 without an identifier, to which the broker sends what it retains.
    pub fn new(topic_filter: impl Into<String>) -> Self {
        Self {
            topic_filter: topic_filter.into(),
            maximum_qos: QoS::AtLeastOnce,
            retain_handling: RetainHandling::Send,
            identifier: None,
        }
    }

    /// Encodes the SUBSCRIBE that makes the subscription.
    ///
    /// # Errors
    ///
    /// Returns an error if the Topic Filter has more than 65,535 bytes.
    pub fn encode(&self, packet_identifier: PacketIdentifier) -> Result<Vec<u8>, TooLong> {
        let identifier = self.identifier.map(SubscriptionIdentifier::as_usize);
        let properties_length = identifier.map_or(0, |number| 1 + variable_byte_integer_length(number));
        let remaining_length = PACKET_IDENTIFIER_LENGTH
            + variable_byte_integer_length(properties_length)
            + properties_length
            + binary_length(self.topic_filter.as_bytes())
            + 1;
        let mut packet = start(SUBSCRIBE, remaining_length, packet_identifier)?;
        put_variable_byte_integer(&mut packet, properties_length)?;
        if let Some(number) = identifier {
            packet.push(PropertyIdentifier::SubscriptionIdentifier.identifier());
            put_variable_byte_integer(&mut packet, number)?;
        }
        put_binary(&mut packet, self.topic_filter.as_bytes())?;
        packet.push(self.options());
        Ok(packet)
    }

    /// The Subscription Options (3.8.3.1).
    const fn options(&self) -> u8 {
        let maximum_qos = match self.maximum_qos {
            QoS::AtMostOnce => 0,
            QoS::AtLeastOnce => 1,
        };
        let retain_handling = match self.retain_handling {
            RetainHandling::Send => 0,
            RetainHandling::DoNotSend => 0b10_0000,
        };
        maximum_qos | retain_handling
    }
}

/// Encodes the UNSUBSCRIBE that ends the subscription with this Topic Filter.
///
/// # Errors
///
/// Returns an error if the Topic Filter has more than 65,535 bytes.
pub fn encode_unsubscribe(
    topic_filter: &str,
    packet_identifier: PacketIdentifier,
) -> Result<Vec<u8>, TooLong> {
    let no_properties = 1;
    let remaining_length = PACKET_IDENTIFIER_LENGTH + no_properties + binary_length(topic_filter.as_bytes());
    let mut packet = start(UNSUBSCRIBE, remaining_length, packet_identifier)?;
    put_variable_byte_integer(&mut packet, 0)?;
    put_binary(&mut packet, topic_filter.as_bytes())?;
    Ok(packet)
}

/// The fixed header and the Packet Identifier.
fn start(
    first: u8,
    remaining_length: usize,
    packet_identifier: PacketIdentifier,
) -> Result<Vec<u8>, TooLong> {
    let mut packet =
        Vec::with_capacity(1 + variable_byte_integer_length(remaining_length) + remaining_length);
    packet.push(first);
    put_variable_byte_integer(&mut packet, remaining_length)?;
    packet.extend_from_slice(&packet_identifier.get().to_be_bytes());
    Ok(packet)
}

// === impl SubscriptionIdentifier ===

impl SubscriptionIdentifier {
    /// The largest identifier.
    pub const MAXIMUM: u32 = 268_435_455;

    /// `None`: the number is 0 or larger than [`MAXIMUM`](Self::MAXIMUM).
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).filter(|number| number.get() <= Self::MAXIMUM).map(Self)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    fn as_usize(self) -> usize {
        usize::try_from(self.get()).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The packets of MQTT 5.0, 3.8.3 and 3.10.3, with one Topic Filter.
    #[test]
    fn a_subscribe_has_a_filter_and_its_options() {
        let packet_identifier = PacketIdentifier::new(10).unwrap();
        let rows: &[(Subscription, &[u8])] = &[
            (Subscription::new("a/b"), &[0x82, 9, 0, 10, 0, 0, 3, b'a', b'/', b'b', 0x01]),
            (
                Subscription { maximum_qos: QoS::AtMostOnce, ..Subscription::new("a") },
                &[0x82, 7, 0, 10, 0, 0, 1, b'a', 0x00],
            ),
            (
                Subscription {
                    retain_handling: RetainHandling::DoNotSend,
                    identifier: SubscriptionIdentifier::new(128),
                    ..Subscription::new("#")
                },
                &[0x82, 10, 0, 10, 3, 0x0B, 0x80, 0x01, 0, 1, b'#', 0x21],
            ),
        ];
        for (given, expected) in rows {
            assert_eq!(given.encode(packet_identifier).unwrap(), *expected, "{given:?}");
        }
        let expected = [0xA2, 6, 0, 10, 0, 0, 1, b'#'];
        assert_eq!(encode_unsubscribe("#", packet_identifier).unwrap(), expected);
    }

    #[test]
    fn a_subscription_identifier_is_1_to_268435455() {
        for (given, expected) in
            [(0, None), (1, Some(1)), (268_435_455, Some(268_435_455)), (268_435_456, None)]
        {
            assert_eq!(SubscriptionIdentifier::new(given).map(SubscriptionIdentifier::get), expected);
        }
    }
}
