//! CONNECT (MQTT 5.0, 3.1): the bridge logs in.

use super::TooLong;
use super::writer::{put_binary, put_four_byte_property, put_variable_byte_integer};

/// Whether the broker is to forget what it knows of this Client Identifier (MQTT 5.0, 3.1.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Clean Start 1: a new session.
    Clean,
    /// Clean Start 0: the session that is there, if it still is.
    Resume,
}

/// What a CONNECT says. There is no Will: a bridge that goes away has nothing to tell to subscribers.
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
    /// The Keep Alive in seconds; 0 turns it off.
    pub keep_alive: u16,
    /// For how many seconds the broker keeps the session after the connection is gone.
    pub session_expiry_interval: u32,
    /// The largest packet in bytes that this side takes.
    pub maximum_packet_size: u32,
}

const SESSION_EXPIRY_INTERVAL: u8 = 0x11;
const MAXIMUM_PACKET_SIZE: u8 = 0x27;
/// The broker will never have an acknowledged PUBLISH for a publisher; 0 would be a protocol error.
const RECEIVE_MAXIMUM_1: [u8; 3] = [0x21, 0x00, 0x01];

// === impl Connect ===

impl Connect<'_> {
    /// The packet.
    ///
    /// # Errors
    ///
    /// A field is longer than MQTT can say.
    pub fn encode(&self) -> Result<Vec<u8>, TooLong> {
        let mut properties = Vec::with_capacity(16);
        put_four_byte_property(&mut properties, SESSION_EXPIRY_INTERVAL, self.session_expiry_interval);
        put_four_byte_property(&mut properties, MAXIMUM_PACKET_SIZE, self.maximum_packet_size);
        properties.extend_from_slice(&RECEIVE_MAXIMUM_1);

        let mut body = Vec::with_capacity(64);
        put_binary(&mut body, b"MQTT")?;
        body.push(5);
        body.push(self.flags());
        body.extend_from_slice(&self.keep_alive.to_be_bytes());
        put_variable_byte_integer(&mut body, properties.len())?;
        body.extend_from_slice(&properties);
        put_binary(&mut body, self.client_identifier.as_bytes())?;
        if let Some(user_name) = self.user_name {
            put_binary(&mut body, user_name.as_bytes())?;
        }
        if let Some(password) = self.password {
            put_binary(&mut body, password)?;
        }

        let mut packet = Vec::with_capacity(body.len() + 5);
        packet.push(0x10);
        put_variable_byte_integer(&mut packet, body.len())?;
        packet.extend_from_slice(&body);
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
