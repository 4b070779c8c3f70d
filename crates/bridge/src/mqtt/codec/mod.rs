//! The MQTT 5 packets that a publisher needs (MQTT 5.0, 3), and no others.
//!
//! Out: [`connect`], [`publish`], PINGREQ, [`disconnect`]. In: [`connack`], [`puback`], PINGRESP, [`disconnect`].
//! A publisher subscribes to nothing and speaks QoS 0 and 1 only, so any other packet from the broker is a protocol
//! error. The decoder reads from a slice, allocates only for text that it hands up, and cannot panic on any input.

pub mod connack;
pub mod connect;
mod decode;
pub mod disconnect;
pub mod puback;
pub mod publish;
mod reader;
mod writer;

pub use decode::{Decoded, Incoming, decode};
pub use reader::DecodeError;
pub use writer::TooLong;

/// PINGREQ, whole (MQTT 5.0, 3.12).
pub const PINGREQ: [u8; 2] = [0xC0, 0x00];

/// The largest Remaining Length that four bytes can say (MQTT 5.0, 1.5.5).
const MAXIMUM_REMAINING_LENGTH: u32 = 268_435_455;
