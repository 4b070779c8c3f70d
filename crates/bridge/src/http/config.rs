//! Limits of the HTTP server.

use std::time::Duration;

/// Limits of the HTTP server. The limits of a message are in [`http_publish::Rules`].
#[derive(Clone, Copy, Debug)]
pub struct HttpConfig {
    /// The maximum number of open connections. More wait in the listen queue.
    pub max_connections: usize,
    /// The length of the listen queue. The system may allow less.
    pub backlog: u32,
    /// The time limit for a whole HTTP/1.1 request head, including the wait between two requests.
    pub idle_timeout: Duration,
    /// The time limit for the payload of a request.
    pub body_timeout: Duration,
    /// The publish time-out, which starts when the payload is complete.
    pub publish_timeout: Duration,
    /// How long new connections are accepted after a signal to stop, while `/readyz` is 503 already.
    pub lame_duck: Duration,
    /// The time limit for requests in progress after that.
    pub drain_timeout: Duration,
    /// Whether the trace context of a request is passed on in the User Properties `traceparent` and `tracestate`.
    pub trace_context: bool,
}

/// The largest request head in bytes. 32 KiB of User Properties in Base64 of JSON fit several times.
pub(super) const MAX_HEAD_BYTES: u32 = 256 * 1024;
