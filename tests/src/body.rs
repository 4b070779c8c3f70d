//! The body of a request, in the pieces in which it is sent.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::{Frame, SizeHint};

/// A body whose size is announced (`Content-Length`), or one that comes in chunks and may have trailers.
#[derive(Clone)]
pub struct Body {
    chunks: VecDeque<Bytes>,
    announced: bool,
    trailers: Option<HeaderMap>,
    ends: bool,
}

// === impl Body ===

impl Body {
    /// A body of known size.
    #[must_use]
    pub fn sized(bytes: impl Into<Bytes>) -> Self {
        Self { chunks: [bytes.into()].into(), announced: true, trailers: None, ends: true }
    }

    /// A body that is sent chunk by chunk; its size shows only at its end.
    #[must_use]
    pub fn chunked<B: Into<Bytes>>(chunks: impl IntoIterator<Item = B>) -> Self {
        Self {
            chunks: chunks.into_iter().map(Into::into).collect(),
            announced: false,
            trailers: None,
            ends: true,
        }
    }

    /// Ends a chunked body with trailers.
    #[must_use]
    pub fn with_trailers(mut self, trailers: HeaderMap) -> Self {
        self.trailers.get_or_insert_default().extend(trailers);
        self
    }

    /// Sends what it has, and then nothing more, not even its end.
    #[must_use]
    pub fn never_ending(mut self) -> Self {
        self.ends = false;
        self
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: usize = self.chunks.iter().map(Bytes::len).sum();
        let framing = if self.announced { "sized" } else { "chunked" };
        write!(f, "{bytes} bytes, {framing}")?;
        if self.trailers.is_some() { f.write_str(", with trailers") } else { Ok(()) }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.chunks.pop_front().map(Frame::data);
        let frame = chunk.or_else(|| self.trailers.take().map(Frame::trailers));
        if frame.is_none() && !self.ends {
            // Nobody will wake this task: there is nothing to wake it for.
            return Poll::Pending;
        }
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.ends && self.trailers.is_none() && self.chunks.iter().all(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        if self.announced {
            SizeHint::with_exact(self.chunks.iter().map(|chunk| chunk.len() as u64).sum())
        } else {
            SizeHint::default()
        }
    }
}
