//! A whole request as data, and what became of it.

use crate::exchange::{LocalReply, Passed};
use crate::{Fields, Stream, Trap};

/// A request: its head, its body in the chunks in which it arrives, and trailers if it has some.
///
/// ```
/// use wasm_host::Request;
///
/// let request = Request::post("/mqtt/messages?topic=a").field("mqtt-qos", "0").chunks([b"two ", b"half"]);
/// assert_eq!(request.head().get(":method"), Some(&b"POST"[..]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    head: Fields,
    chunks: Vec<Vec<u8>>,
    trailers: Option<Fields>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What of it has reached the upstream.
    pub upstream: Passed,
    /// The filter's own answer.
    pub local_reply: Option<LocalReply>,
}

// === impl Request ===

impl Request {
    /// A POST without a body.
    #[must_use]
    pub fn post(target: impl AsRef<[u8]>) -> Self {
        let mut head = Fields::from_iter([(":method", "POST"), (":scheme", "https"), (":authority", "edge")]);
        head.push(":path", target);
        Self::from_head(head)
    }

    /// A request without a body, of these fields and no others.
    #[must_use]
    pub const fn from_head(head: Fields) -> Self {
        Self { head, chunks: Vec::new(), trailers: None }
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.head.push(name, value);
        self
    }

    /// With a body that arrives at once.
    #[must_use]
    pub fn body(self, body: impl AsRef<[u8]>) -> Self {
        self.chunks([body])
    }

    /// With a body that arrives in these chunks. From HTTP/1.1, Envoy shows an empty last one.
    #[must_use]
    pub fn chunks(mut self, chunks: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        self.chunks = chunks.into_iter().map(|chunk| chunk.as_ref().to_vec()).collect();
        self
    }

    /// With trailers.
    #[must_use]
    pub fn trailers(mut self, trailers: Fields) -> Self {
        self.trailers = Some(trailers);
        self
    }

    /// The head.
    #[must_use]
    pub const fn head(&self) -> &Fields {
        &self.head
    }

    /// Takes it through a stream, in Envoy's order.
    pub(crate) fn send_through(&self, stream: Stream) -> Result<Outcome, Trap> {
        let has_trailers = self.trailers.is_some();
        stream.request_headers(&self.head, self.chunks.is_empty() && !has_trailers)?;
        for (index, chunk) in self.chunks.iter().enumerate() {
            let is_last = index + 1 == self.chunks.len();
            stream.request_body(chunk, is_last && !has_trailers)?;
        }
        if let Some(trailers) = &self.trailers {
            stream.request_trailers(trailers)?;
        }
        let outcome = Outcome { upstream: stream.upstream(), local_reply: stream.local_reply() };
        stream.close()?;
        Ok(outcome)
    }
}
