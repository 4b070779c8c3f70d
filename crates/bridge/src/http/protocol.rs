//! Detects the HTTP version of a connection: HTTP/2 starts with a preface (RFC 9113, 3.4).

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
}

/// The start of the HTTP/2 preface. RFC 9113 reserves this method name.
const PREFACE: [u8; 4] = *b"PRI ";

/// How often the first bytes of a slow client are checked again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Peeks at the first bytes. `None`: the client closed the connection.
pub(super) async fn detect(stream: &TcpStream) -> io::Result<Option<Protocol>> {
    let mut first = [0; PREFACE.len()];
    loop {
        let count = stream.peek(&mut first).await?;
        let (Some(seen), Some(expected)) = (first.get(..count), PREFACE.get(..count)) else {
            return Ok(Some(Protocol::Http1));
        };
        match seen {
            [] => return Ok(None),
            _ if seen != expected => return Ok(Some(Protocol::Http1)),
            _ if count == PREFACE.len() => return Ok(Some(Protocol::Http2)),
            _ => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}
