//! A PUBLISH from the broker (MQTT 5.0, 3.3), for a subscription.

use bytes::Bytes;

use super::error::DecodeError;
use super::property::PropertyIdentifier;
use super::puback::PacketIdentifier;
use super::reader::{Reader, UNEXPECTED_PROPERTY, flag, once};
use super::subscribe::SubscriptionIdentifier;
use crate::message::PayloadFormat;

/// A message that the broker sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedPublish {
    /// The Topic Name, at least one character and without wildcards.
    pub topic_name: String,
    /// The Packet Identifier, which the PUBACK repeats. `None`: QoS 0.
    pub packet_identifier: Option<PacketIdentifier>,
    /// Whether the broker may have sent the message before (DUP).
    pub is_duplicate: bool,
    /// Whether the broker had retained the message before the subscription was made (RETAIN).
    pub is_retained: bool,
    /// Whether the payload is declared to be UTF-8. It was not checked.
    pub payload_format: PayloadFormat,
    /// The rest of the Message Expiry Interval in seconds. `None`: the message does not expire.
    pub message_expiry_interval: Option<u32>,
    /// The Content Type.
    pub content_type: Option<String>,
    /// The Response Topic, without wildcards.
    pub response_topic: Option<String>,
    /// The Correlation Data.
    pub correlation_data: Option<Vec<u8>>,
    /// The User Properties in order. A name may repeat.
    pub user_properties: Vec<(String, String)>,
    /// The identifiers of the subscriptions that the message is for, as far as these have identifiers.
    pub subscription_identifiers: Vec<SubscriptionIdentifier>,
    /// The Application Message.
    pub payload: Bytes,
}

/// The flags of the fixed header.
const DUP: u8 = 0b1000;
const QOS: u8 = 0b0110;
const RETAIN: u8 = 0b0001;

/// A PUBACK 0x00, in its short form (MQTT 5.0, 3.4.2.1).
#[must_use]
pub const fn encode_puback(packet_identifier: PacketIdentifier) -> [u8; 4] {
    let [high, low] = packet_identifier.get().to_be_bytes();
    [0x40, 0x02, high, low]
}

// === impl ReceivedPublish ===

impl ReceivedPublish {
    /// About how many bytes of memory the message's fields hold.
    #[must_use]
    pub fn length(&self) -> usize {
        let texts = [self.content_type.as_ref(), self.response_topic.as_ref()];
        let pair = |(name, value): &(String, String)| name.len() + value.len();
        self.topic_name.len()
            + texts.into_iter().flatten().map(String::len).sum::<usize>()
            + self.correlation_data.as_ref().map_or(0, Vec::len)
            + self.user_properties.iter().map(pair).sum::<usize>()
            + self.payload.len()
    }

    /// Decodes the bytes after the fixed header, which starts with `first`.
    ///
    /// No subscription of this crate has QoS 2, and no CONNECT allows a Topic Alias, so both are protocol errors (3.8.4 and
    /// 3.3.2.3.4).
    pub(super) fn decode(first: u8, body: &[u8]) -> Result<Self, DecodeError> {
        let mut body = Reader::new(body);
        let topic_name = body.utf8_string()?;
        if topic_name.is_empty() {
            return Err(DecodeError::Protocol("a PUBLISH has neither a Topic Name nor a Topic Alias"));
        }
        check_name(topic_name)?;
        let packet_identifier = match (first & QOS) >> 1 {
            0 if first & DUP != 0 => return Err(DecodeError::Malformed("DUP is set with QoS 0")),
            0 => None,
            1 => Some(
                PacketIdentifier::new(body.two_byte_integer()?)
                    .ok_or(DecodeError::Protocol("the Packet Identifier of a PUBLISH is 0"))?,
            ),
            2 => return Err(DecodeError::Protocol("a PUBLISH of QoS 2, which no subscription has")),
            _ => return Err(DecodeError::Malformed("a PUBLISH has QoS 3")),
        };
        let mut message = Self {
            topic_name: topic_name.to_owned(),
            packet_identifier,
            is_duplicate: first & DUP != 0,
            is_retained: first & RETAIN != 0,
            payload_format: PayloadFormat::Bytes,
            message_expiry_interval: None,
            content_type: None,
            response_topic: None,
            correlation_data: None,
            user_properties: Vec::new(),
            subscription_identifiers: Vec::new(),
            payload: Bytes::new(),
        };
        message.read_properties(body.properties()?)?;
        message.payload = Bytes::copy_from_slice(body.rest());
        Ok(message)
    }

    fn read_properties(&mut self, mut properties: Reader<'_>) -> Result<(), DecodeError> {
        let mut payload_format = None;
        while !properties.is_empty() {
            match properties.property()? {
                PropertyIdentifier::PayloadFormatIndicator => {
                    once(&mut payload_format, flag(properties.byte()?)?)?;
                }
                PropertyIdentifier::MessageExpiryInterval => {
                    once(&mut self.message_expiry_interval, properties.four_byte_integer()?)?;
                }
                PropertyIdentifier::ContentType => {
                    once(&mut self.content_type, properties.utf8_string()?.to_owned())?;
                }
                PropertyIdentifier::ResponseTopic => {
                    let topic = properties.utf8_string()?;
                    check_name(topic)?;
                    once(&mut self.response_topic, topic.to_owned())?;
                }
                PropertyIdentifier::CorrelationData => {
                    once(&mut self.correlation_data, properties.binary_data()?.to_vec())?;
                }
                PropertyIdentifier::UserProperty => {
                    let name = properties.utf8_string()?.to_owned();
                    self.user_properties.push((name, properties.utf8_string()?.to_owned()));
                }
                // A message for several subscriptions has it several times (3.3.2.3.8).
                PropertyIdentifier::SubscriptionIdentifier => {
                    let identifier = SubscriptionIdentifier::new(properties.variable_byte_integer()?)
                        .ok_or(DecodeError::Protocol("a Subscription Identifier is 0"))?;
                    self.subscription_identifiers.push(identifier);
                }
                PropertyIdentifier::TopicAlias => {
                    return Err(DecodeError::Protocol("a Topic Alias, of which CONNECT allows none"));
                }
                _ => return Err(UNEXPECTED_PROPERTY),
            }
        }
        if payload_format == Some(1) {
            self.payload_format = PayloadFormat::Utf8;
        }
        Ok(())
    }
}

/// A Topic Name and a Response Topic have no wildcards (MQTT 5.0, 3.3.2.1 and 3.3.2.3.5).
fn check_name(topic: &str) -> Result<(), DecodeError> {
    if topic.contains(['+', '#']) {
        return Err(DecodeError::Protocol("a Topic Name has a wildcard"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_has_its_flags_and_a_packet_identifier_with_qos_1() {
        let rows: &[(u8, &[u8], Option<(Option<u16>, bool, bool, &[u8])>)] = &[
            (0x30, &[0, 1, b't', 0, b'x'], Some((None, false, false, b"x"))),
            (0x31, &[0, 1, b't', 0], Some((None, false, true, b""))),
            (0x32, &[0, 1, b't', 0, 9, 0, b'x'], Some((Some(9), false, false, b"x"))),
            (0x3B, &[0, 1, b't', 0, 9, 0], Some((Some(9), true, true, b""))),
            (0x38, &[0, 1, b't', 0], None),
            (0x32, &[0, 1, b't', 0, 0, 0], None),
            (0x34, &[0, 1, b't', 0, 9, 0], None),
            (0x36, &[0, 1, b't', 0, 9, 0], None),
            (0x30, &[0, 0, 0], None),
            (0x30, &[0, 1, b'#', 0], None),
            (0x30, &[0, 3, b'a', b'/', b'+', 0], None),
            (0x30, &[0, 1, b't'], None),
            (0x30, &[0, 1, b't', 1], None),
        ];
        for (first, given, expected) in rows {
            let read = ReceivedPublish::decode(*first, given).ok();
            let read = read.as_ref().map(|message| {
                let identifier = message.packet_identifier.map(PacketIdentifier::get);
                (identifier, message.is_duplicate, message.is_retained, &message.payload[..])
            });
            assert_eq!(read, *expected, "{first:#04x} {given:?}");
        }
    }

    #[test]
    fn a_property_may_occur_once_except_user_property_and_subscription_identifier() {
        let rows: &[(&[u8], bool)] = &[
            (&[0x01, 1], true),
            (&[0x01, 2], false),
            (&[0x01, 1, 0x01, 1], false),
            (&[0x02, 0, 0, 0, 9], true),
            (&[0x03, 0, 1, b'c'], true),
            (&[0x08, 0, 1, b'r'], true),
            (&[0x08, 0, 1, b'#'], false),
            (&[0x09, 0, 1, 0xFF], true),
            (&[0x0B, 1, 0x0B, 2], true),
            (&[0x0B, 0], false),
            (&[0x26, 0, 1, b'n', 0, 0, 0x26, 0, 1, b'n', 0, 0], true),
            (&[0x23, 0, 1], false),
            (&[0x11, 0, 0, 0, 0], false),
        ];
        for (given, expected) in rows {
            let mut body = vec![0, 1, b't', u8::try_from(given.len()).unwrap()];
            body.extend_from_slice(given);
            assert_eq!(ReceivedPublish::decode(0x30, &body).is_ok(), *expected, "{given:?}");
        }
    }
}
