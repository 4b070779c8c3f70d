//! Decodes the next packet from the bytes received so far.

use super::connack::ConnAck;
use super::disconnect::Disconnect;
use super::error::DecodeError;
use super::puback::{PacketIdentifier, PubAck};
use super::received::ReceivedPublish;
use super::suback::SubAck;

/// A packet that a broker may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// The answer to CONNECT.
    ConnAck(ConnAck),
    /// The answer to a PUBLISH.
    PubAck(PubAck),
    /// The answer to a PUBLISH of QoS 2, which a publisher never sends. The Packet Identifier says which message the broker
    /// took for one.
    PubRec(PacketIdentifier),
    /// A message for a subscription.
    Publish(Box<ReceivedPublish>),
    /// The answer to a SUBSCRIBE.
    SubAck(SubAck),
    /// The answer to an UNSUBSCRIBE.
    UnsubAck(SubAck),
    /// The answer to a PINGREQ.
    PingResp,
    /// The broker closes the connection.
    Disconnect(Disconnect),
}

/// A packet and its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The packet.
    pub packet: Incoming,
    /// The length of the whole packet in bytes.
    pub length: usize,
}

/// Decodes the packet at the front of `bytes`. `None`: the packet is not complete yet.
///
/// # Errors
///
/// Returns an error if the bytes cannot become a packet of at most `maximum` bytes that a client may receive. A packet
/// over the maximum is rejected by its fixed header, so no more than `maximum` bytes have to be buffered.
pub fn decode(bytes: &[u8], maximum: usize) -> Result<Option<Decoded>, DecodeError> {
    let Some((&first, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    let Some((remaining, length_bytes)) = remaining_length(rest)? else {
        return Ok(None);
    };
    let header = 1 + length_bytes;
    let length = header + remaining;
    if length > maximum {
        return Err(DecodeError::TooLarge { actual: length, maximum });
    }
    let Some(body) = bytes.get(header..length) else {
        return Ok(None);
    };
    packet(first, body).map(|packet| Some(Decoded { packet, length }))
}

fn packet(first: u8, body: &[u8]) -> Result<Incoming, DecodeError> {
    match first {
        0x20 => ConnAck::decode(body).map(Incoming::ConnAck),
        0x30..=0x3F => {
            ReceivedPublish::decode(first, body).map(|message| Incoming::Publish(Box::new(message)))
        }
        0x40 => PubAck::decode(body).map(Incoming::PubAck),
        // Its variable header is that of PUBACK (MQTT 5.0, 3.5.2).
        0x50 => PubAck::decode(body).map(|pubrec| Incoming::PubRec(pubrec.packet_identifier)),
        0x90 => SubAck::decode(body).map(Incoming::SubAck),
        // Its variable header and its payload have the form of SUBACK's (MQTT 5.0, 3.11).
        0xB0 => SubAck::decode(body).map(Incoming::UnsubAck),
        0xD0 if body.is_empty() => Ok(Incoming::PingResp),
        0xD0 => Err(DecodeError::Malformed("PINGRESP is not empty")),
        0xE0 => Disconnect::decode(body).map(Incoming::Disconnect),
        0x21..=0x2F | 0x41..=0x4F | 0x51..=0x5F | 0x91..=0x9F | 0xB1..=0xBF | 0xD1..=0xDF | 0xE1..=0xEF => {
            Err(DecodeError::Malformed("the reserved flags of the fixed header are set"))
        }
        _ => Err(DecodeError::Protocol("a packet that a client does not receive")),
    }
}

/// The Remaining Length and its own length in bytes. `None`: it is not complete yet.
fn remaining_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, DecodeError> {
    let mut value = 0usize;
    for (position, shift) in [0, 7, 14, 21].into_iter().enumerate() {
        let Some(byte) = bytes.get(position) else {
            return Ok(None);
        };
        value |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok(Some((value, position + 1)));
        }
    }
    Err(DecodeError::Malformed("the Remaining Length has more than four bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_decoded_once_it_is_complete() {
        let puback = [0x40, 0x03, 0x00, 0x07, 0x10, 0xD0, 0x00];
        for end in 0..5 {
            assert_eq!(decode(puback.get(..end).unwrap(), 100), Ok(None), "{end} bytes");
        }
        assert_eq!(decode(&puback, 100).unwrap().unwrap().length, 5);
    }

    #[test]
    fn a_packet_over_the_maximum_is_rejected_by_its_fixed_header() {
        let actual = 1_000_004;
        let bytes = [0x40, 0xC0, 0x84, 0x3D];
        assert_eq!(decode(&bytes, 65_536), Err(DecodeError::TooLarge { actual, maximum: 65_536 }));
    }

    #[test]
    fn a_packet_that_a_client_does_not_receive_is_a_protocol_error() {
        for first in [0x10u8, 0x62, 0x70, 0x82, 0xA2, 0xC0, 0xF0, 0x00] {
            assert!(matches!(decode(&[first, 0], 100), Err(DecodeError::Protocol(_))), "{first:#04x}");
        }
        for first in [0x42, 0x92, 0xB2] {
            assert!(matches!(decode(&[first, 0], 100), Err(DecodeError::Malformed(_))), "{first:#04x}");
        }
        assert!(matches!(decode(&[0xD0, 1, 0], 100), Err(DecodeError::Malformed(_))));
        assert!(matches!(decode(&[0x40, 0xFF, 0xFF, 0xFF, 0xFF], 100), Err(DecodeError::Malformed(_))));
    }
}
