//! The TCP listener and the limits of its connections.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use rmqtt::net::{Builder, Listener, Result};

/// Messages to one subscriber that are unacknowledged at a time, and Receive Maximum for publishers (MQTT 5.0, 3.1.2.11.3).
const IN_FLIGHT: NonZeroU16 = NonZeroU16::new(1_000).unwrap();

/// Messages that wait for one subscriber; what comes after them is dropped.
const QUEUED: usize = 100_000;

/// In bytes: MQTT's largest Remaining Length (MQTT 5.0, 1.5.5). Paho for Python refuses a Maximum Packet Size over it.
const PACKET: u32 = 268_435_455;

/// Listens for MQTT 3.1.1 and 5.
///
/// # Errors
/// Returns an error if the address cannot be listened on.
pub(crate) fn bind(address: SocketAddr) -> Result<Listener> {
    Builder::new()
        .name("mqtt")
        .laddr(address)
        .reuseaddr(Some(true))
        .nodelay(true)
        .max_packet_size(PACKET)
        .max_inflight(IN_FLIGHT)
        .max_mqueue_len(QUEUED)
        // Zero: a message without a Message Expiry Interval is delivered without one.
        .message_expiry_interval(Duration::ZERO)
        .bind()?
        .tcp()
}
