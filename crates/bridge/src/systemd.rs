//! Tells systemd how the service is, as `sd_notify(3)` describes: one datagram to the socket that `NOTIFY_SOCKET` names.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// A state of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It listens.
    Ready,
    /// It was told to stop.
    Stopping,
}

/// Reports a state. Does nothing if systemd did not start the program with `Type=notify`.
pub fn notify(state: State) {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else { return };
    let datagram = match state {
        State::Ready => "READY=1",
        State::Stopping => "STOPPING=1",
    };
    if let Err(error) = send(&name, datagram) {
        tracing::warn!("systemd cannot be told {datagram}: {error}");
    }
}

fn send(name: &OsStr, datagram: &str) -> io::Result<()> {
    let address = match name.as_bytes() {
        // The abstract namespace of Linux.
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    UnixDatagram::unbound()?.send_to_addr(datagram.as_bytes(), &address)?;
    Ok(())
}
