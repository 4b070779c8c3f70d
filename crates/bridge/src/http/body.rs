//! Reads the whole payload, within its size limit, its time limit and the budget. An incomplete payload is an error.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_publish::{Code, PayloadCheck, Problem};
use hyper::Version;
use hyper::body::{Body, Frame, Incoming};
use tokio::time::{Instant, timeout_at};

use mqtt_sessions::budget::Permit;

use crate::translate;

/// The payload of a request, while it arrives.
#[derive(Debug)]
pub(super) struct Payload {
    http: Version,
    body: Incoming,
    received: usize,
    timeout: Duration,
    deadline: Instant,
}

/// A refusal waits for the end of a payload of at most this size. Clients in use lose an answer that comes earlier.
const DISCARDED: usize = 64 * 1024;

// === impl Payload ===

impl Payload {
    /// The payload of a request that has just begun; all of it has to arrive within `timeout`.
    pub(super) fn new(http: Version, body: Incoming, timeout: Duration) -> Self {
        Self { http, body, received: 0, timeout, deadline: Instant::now() + timeout }
    }

    /// Reads the payload into memory of exactly its size. What arrives is a part of hyper's read buffer and would keep all of
    /// that buffer in memory, uncounted.
    pub(super) async fn read(&mut self, check: PayloadCheck, permit: &mut Permit) -> Result<Bytes, Problem> {
        let seconds = self.timeout.as_secs_f32();
        timeout_at(self.deadline, self.collect(check, permit)).await.unwrap_or_else(|_| {
            Err(Problem::new(Code::RequestTimeout, format!("the payload did not arrive within {seconds} s")))
        })
    }

    /// Drops the rest of the payload of a request that is refused: until it has ended, is larger than [`DISCARDED`] or
    /// announced to be, or is late.
    pub(super) async fn discard(&mut self) {
        let deadline = self.deadline;
        let rest = async {
            while self.received.saturating_add(self.announced()) <= DISCARDED {
                let Some(Ok(_)) = self.frame().await else { return };
            }
        };
        // Late or not, the answer is sent now.
        let _ = timeout_at(deadline, rest).await;
    }

    async fn collect(&mut self, mut check: PayloadCheck, permit: &mut Permit) -> Result<Bytes, Problem> {
        let mut payload = Vec::with_capacity(self.announced().min(READ_AHEAD));
        while let Some(frame) = self.frame().await {
            let frame = frame.map_err(|_| incomplete())?;
            let Ok(data) = frame.into_data() else {
                // Trailers, which HTTP Publish does not use.
                continue;
            };
            check.push(&data)?;
            permit.grow_to(self.received).map_err(|exhausted| translate::problem(exhausted.into()))?;
            if self.received > payload.capacity() {
                // By a quarter, not to twice the size as a Vec does by itself: at most a quarter more than what is counted.
                payload.reserve_exact(data.len().max(payload.len() / 4));
            }
            payload.extend_from_slice(&data);
        }
        if self.http == Version::HTTP_2 && !self.body.is_end_stream() {
            // hyper reports a stream that the client has reset as one that has ended.
            return Err(incomplete());
        }
        check.finish()?;
        Ok(Bytes::from(payload.into_boxed_slice()))
    }

    async fn frame(&mut self) -> Option<hyper::Result<Frame<Bytes>>> {
        let frame = self.body.frame().await;
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            self.received = self.received.saturating_add(data.len());
        }
        frame
    }

    /// The bytes that are still to come, as far as the request says.
    fn announced(&self) -> usize {
        usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX)
    }
}

/// The most memory in bytes that is reserved for a payload before it has arrived, whatever its Content-Length. The system
/// provides it when it is written to.
const READ_AHEAD: usize = 1024 * 1024;

fn incomplete() -> Problem {
    Problem::new(Code::IncompletePayload, "the request ended before its payload did; nothing was published")
}
