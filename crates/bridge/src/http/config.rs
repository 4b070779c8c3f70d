//! What the HTTP side allows.

use std::time::Duration;

/// The limits of the HTTP server; what a request may hold is [`http_publish::Rules`]' to say.
#[derive(Clone, Copy, Debug)]
pub struct HttpConfig {
    /// How many connections may be open; more wait in the listen queue.
    pub max_connections: usize,
    /// How long an HTTP/1.1 connection may take to send a whole request head, the wait between two requests included.
    pub idle_timeout: Duration,
    /// How long a request's payload may take to arrive.
    pub body_timeout: Duration,
    /// How long a publish may take behind the payload: the publish time-out, and a little more.
    pub publish_timeout: Duration,
    /// After a signal to stop: how long requests may take to finish.
    pub drain_timeout: Duration,
    /// Whether the trace that a request belongs to goes on in the User Properties `traceparent` and `tracestate`.
    pub trace_context: bool,
}

/// The largest request head in bytes: 32 KiB of User Properties in Base64 of JSON, and much room.
pub(super) const MAX_HEAD_BYTES: u32 = 256 * 1024;
