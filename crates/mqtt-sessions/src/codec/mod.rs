//! The MQTT 5 packets that a client sends and receives (MQTT 5.0, 3) if it does not use QoS 2.
//!
//! Sent: [`connect`], [`publish`], [`subscribe`], PUBACK, PINGREQ, [`disconnect`]. Received: [`connack`], [`puback`],
//! [`suback`], [`received`], PINGRESP, [`disconnect`]. Any other packet from the broker is a protocol error. The decoder reads
//! from a slice, allocates only for what it returns, and cannot panic on any input. An encoder computes its packet's length
//! first and then writes each field once.

pub mod connack;
pub mod connect;
mod decode;
pub mod disconnect;
mod error;
mod property;
pub mod puback;
pub mod publish;
mod reader;
pub mod received;
pub mod suback;
pub mod subscribe;
mod writer;

pub use decode::{Decoded, Incoming, decode};
pub use error::{DecodeError, TooLong};

/// A whole PINGREQ (MQTT 5.0, 3.12).
pub const PINGREQ: [u8; 2] = [0xC0, 0x00];
