//! The packets of a broker, as bytes (MQTT 5.0, 3).

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::Error;
use rumqttc::v5::mqttbytes::v5::Packet;
use tokio::io::{AsyncRead, AsyncReadExt};

/// CONNACK 0x00 of a new session, without properties.
pub const CONNACK: &[u8] = &[0x20, 3, 0, 0, 0];
/// CONNACK 0x00 of a session that continues, without properties.
pub const CONNACK_SESSION_PRESENT: &[u8] = &[0x20, 3, 1, 0, 0];
/// The identifier of the property Server Reference.
const SERVER_REFERENCE: u8 = 0x1C;
/// The identifier of the property Reason String.
const REASON_STRING: u8 = 0x1F;
/// PINGRESP.
pub(crate) const PINGRESP: &[u8] = &[0xD0, 0];

/// CONNACK with a Reason Code and a Reason String.
///
/// # Panics
///
/// Panics if the Reason String has more than 100 bytes.
#[must_use]
pub fn connack_refused(reason_code: u8, reason_string: &str) -> Vec<u8> {
    packet(0x20, &[0, reason_code], reason_string)
}

/// PUBREC 0x00.
pub(crate) fn pubrec(packet_identifier: u16) -> Vec<u8> {
    let [high, low] = packet_identifier.to_be_bytes();
    vec![0x50, 2, high, low]
}

/// PUBACK with a Reason Code and a Reason String, which is left out if it is empty.
///
/// # Panics
///
/// Panics if the Reason String has more than 100 bytes.
#[must_use]
pub fn puback(packet_identifier: u16, reason_code: u8, reason_string: &str) -> Vec<u8> {
    let [high, low] = packet_identifier.to_be_bytes();
    packet(0x40, &[high, low, reason_code], reason_string)
}

/// SUBACK with one Reason Code.
#[must_use]
pub fn suback(packet_identifier: u16, reason_code: u8) -> Vec<u8> {
    let [high, low] = packet_identifier.to_be_bytes();
    vec![0x90, 4, high, low, 0, reason_code]
}

/// UNSUBACK with one Reason Code.
#[must_use]
pub fn unsuback(packet_identifier: u16, reason_code: u8) -> Vec<u8> {
    let [high, low] = packet_identifier.to_be_bytes();
    vec![0xB0, 4, high, low, 0, reason_code]
}

/// DISCONNECT with a Reason Code and a Reason String, which is left out if it is empty.
///
/// # Panics
///
/// Panics if the Reason String has more than 100 bytes.
#[must_use]
pub fn disconnect(reason_code: u8, reason_string: &str) -> Vec<u8> {
    packet(0xE0, &[reason_code], reason_string)
}

/// CONNACK with a Reason Code and a Server Reference.
///
/// # Panics
///
/// Panics if the Server Reference has more than 100 bytes.
#[must_use]
pub fn connack_with_server_reference(reason_code: u8, server_reference: &str) -> Vec<u8> {
    packet_with(0x20, &[0, reason_code], SERVER_REFERENCE, server_reference)
}

/// DISCONNECT with a Reason Code and a Server Reference.
///
/// # Panics
///
/// Panics if the Server Reference has more than 100 bytes.
#[must_use]
pub fn disconnect_with_server_reference(reason_code: u8, server_reference: &str) -> Vec<u8> {
    packet_with(0xE0, &[reason_code], SERVER_REFERENCE, server_reference)
}

/// A packet of a variable header and the property Reason String.
fn packet(first: u8, variable_header: &[u8], reason_string: &str) -> Vec<u8> {
    packet_with(first, variable_header, REASON_STRING, reason_string)
}

/// A packet of a variable header and one property, which is left out if it is empty.
fn packet_with(first: u8, variable_header: &[u8], property: u8, text: &str) -> Vec<u8> {
    assert!(text.len() <= 100, "{text}");
    let properties = match text.len() as u8 {
        0 => vec![0],
        length => [&[length + 3, property, 0, length], text.as_bytes()].concat(),
    };
    let remaining_length = (variable_header.len() + properties.len()) as u8;
    [&[first, remaining_length], variable_header, &properties].concat()
}

/// Reads the next packet. `None`: the connection has ended.
pub(crate) async fn next_packet(
    stream: &mut (impl AsyncRead + Unpin),
    received: &mut BytesMut,
) -> Option<Packet> {
    loop {
        match Packet::read(received, None) {
            Ok(packet) => return Some(packet),
            Err(Error::InsufficientBytes(_)) => {}
            Err(error) => panic!("{error}"),
        }
        match stream.read_buf(received).await {
            Ok(count) if count > 0 => {}
            _ => return None,
        }
    }
}
