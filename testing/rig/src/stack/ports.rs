//! Free TCP ports.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::error::{Error, Result};

/// Below the range from which systems take the ports of outgoing connections (Linux: from 32768), so that a stopped
/// program finds its port free when it comes back.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port of 127.0.0.1 that is free, and that this process has not given out before.
///
/// # Errors
/// Where there is none.
pub fn free() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that run at the same time start at different places.
    let start = std::process::id() as u16;
    for _ in 0..COUNT {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(start.wrapping_mul(61));
        let port = FIRST + offset % COUNT;
        if is_free(port) {
            return Ok(port);
        }
    }
    Err(Error::new(format!("No port from {FIRST} on is free.")))
}

/// Whether nothing listens on this port of 127.0.0.1.
#[must_use]
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(local(port)).is_ok()
}

/// The port of 127.0.0.1.
#[must_use]
pub(super) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_out_twice_and_each_can_be_bound() {
        let ports: Vec<u16> = (0..50).map(|_| free().unwrap()).collect();
        let listeners: Vec<TcpListener> =
            ports.iter().map(|port| TcpListener::bind(local(*port)).unwrap()).collect();
        assert_eq!(listeners.len(), ports.len());
        assert!(!is_free(ports[0]));
    }
}
