//! Which HTTP a connection speaks: an HTTP/2 client says so in its first bytes (RFC 9113, 3.4).

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

/// The start of HTTP/2's preface; no method of HTTP/1.1 may be called so.
const PREFACE: [u8; 4] = *b"PRI ";

/// A client that sends its first bytes one by one is looked at again so often.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Looks at the first bytes and leaves them in the socket; `None` when the client closes instead.
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
