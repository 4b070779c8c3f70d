//! CONNECT (MQTT 5.0, 3.1).

use std::num::NonZeroU16;

use super::error::TooLong;
use super::property::PropertyIdentifier;
use super::writer::{
    FOUR_BYTE_PROPERTY_LENGTH, binary_length, put_binary, put_four_byte_property, put_variable_byte_integer,
    variable_byte_integer_length,
};

/// The Clean Start flag (MQTT 5.0, 3.1.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// 1: the broker discards the session that it may have.
    Clean,
    /// 0: the session continues if the broker still has it.
    Resume,
}

/// The fields of a CONNECT. There is no Will.
#[derive(Clone, Copy, Debug)]
pub struct Connect<'a> {
    /// Whether the session is new.
    pub start: Start,
    /// The Client Identifier, at most 65,535 bytes.
    pub client_identifier: &'a str,
    /// The User Name, at most 65,535 bytes.
    pub user_name: Option<&'a str>,
    /// The Password, at most 65,535 bytes.
    pub password: Option<&'a [u8]>,
    /// The Keep Alive in seconds. 0 turns it off.
    pub keep_alive: u16,
    /// How long the broker keeps the session after the connection ends, in seconds.
    pub session_expiry_interval: u32,
    /// The largest packet that this side accepts, in bytes.
    pub maximum_packet_size: u32,
    /// How many messages of QoS 1 the broker may send before this side has acknowledged one.
    pub receive_maximum: NonZeroU16,
}

const CONNECT: u8 = 0x10;
const PROTOCOL_NAME: &[u8] = b"MQTT";
const PROTOCOL_VERSION: u8 = 5;

/// The length of the Receive Maximum property.
const RECEIVE_MAXIMUM_LENGTH: usize = 3;

const PROPERTIES_LENGTH: usize = 2 * FOUR_BYTE_PROPERTY_LENGTH + RECEIVE_MAXIMUM_LENGTH;

// === impl Connect ===

impl Connect<'_> {
    /// Encodes the packet.
    ///
    /// # Errors
    ///
    /// Returns an error if a field has more than 65,535 bytes.
    pub fn encode(&self) -> Result<Vec<u8>, TooLong> {
        let client_identifier = self.client_identifier.as_bytes();
        let login = [self.user_name.map(str::as_bytes), self.password];
        // Protocol Name, Protocol Version, Connect Flags, Keep Alive.
        let remaining_length = binary_length(PROTOCOL_NAME)
            + 4
            + variable_byte_integer_length(PROPERTIES_LENGTH)
            + PROPERTIES_LENGTH
            + binary_length(client_identifier)
            + login.iter().flatten().map(|field| binary_length(field)).sum::<usize>();

        let mut packet =
            Vec::with_capacity(1 + variable_byte_integer_length(remaining_length) + remaining_length);
        packet.push(CONNECT);
        put_variable_byte_integer(&mut packet, remaining_length)?;
        put_binary(&mut packet, PROTOCOL_NAME)?;
        packet.extend_from_slice(&[PROTOCOL_VERSION, self.flags()]);
        packet.extend_from_slice(&self.keep_alive.to_be_bytes());
        put_variable_byte_integer(&mut packet, PROPERTIES_LENGTH)?;
        put_four_byte_property(
            &mut packet,
            PropertyIdentifier::SessionExpiryInterval,
            self.session_expiry_interval,
        );
        put_four_byte_property(&mut packet, PropertyIdentifier::MaximumPacketSize, self.maximum_packet_size);
        packet.push(PropertyIdentifier::ReceiveMaximum.identifier());
        packet.extend_from_slice(&self.receive_maximum.get().to_be_bytes());
        put_binary(&mut packet, client_identifier)?;
        login.iter().flatten().try_for_each(|field| put_binary(&mut packet, field))?;
        Ok(packet)
    }

    fn flags(&self) -> u8 {
        let clean_start = match self.start {
            Start::Clean => 0b0000_0010,
            Start::Resume => 0,
        };
        let user_name = if self.user_name.is_some() { 0b1000_0000 } else { 0 };
        let password = if self.password.is_some() { 0b0100_0000 } else { 0 };
        clean_start | user_name | password
    }
}
