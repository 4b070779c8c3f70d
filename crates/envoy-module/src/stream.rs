//! One stream: its exchange, and what keeps Envoy safe from it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use edge::{Exchange, Fields, Flow, Host, LocalResponse, Outcome};
use http_publish::{Code, Problem, REQUEST_ID, RequestHead, RequestId};

use crate::abi::{self, Body, FilterInEnvoy};
use crate::host::{ChunkPlace, EnvoyHost};
use crate::log;
use crate::setup::Setup;

/// A request, from its head to its last part.
pub(crate) struct Stream {
    setup: Arc<Setup>,
    exchange: Exchange,
    /// How many bytes of the payload have come.
    seen: usize,
    answered: bool,
    panicked: bool,
}

/// What a body hook is about.
struct NewBytes {
    place: ChunkPlace,
    size: usize,
}

// === impl Stream ===

impl Stream {
    pub(crate) fn new(setup: Arc<Setup>) -> Self {
        Self { setup, exchange: Exchange::default(), seen: 0, answered: false, panicked: false }
    }

    /// The head came.
    ///
    /// # Safety
    /// `filter` is this stream in Envoy, and its hook is running.
    pub(crate) unsafe fn on_request_headers(&mut self, filter: FilterInEnvoy, end_of_stream: bool) -> Flow {
        // SAFETY: the caller's promise.
        unsafe {
            self.guarded(filter, ChunkPlace::NONE, |exchange, host, setup| {
                #[cfg(feature = "trap")]
                trap(host);
                exchange.on_request_headers(host, &setup.config, end_of_stream)
            })
        }
    }

    /// A part of the payload came.
    ///
    /// # Safety
    /// `filter` is this stream in Envoy, and its hook is running.
    pub(crate) unsafe fn on_request_body(&mut self, filter: FilterInEnvoy, end_of_stream: bool) -> Flow {
        // SAFETY: the caller's promise.
        let new = unsafe { NewBytes::of(filter, self.seen, end_of_stream) };
        self.seen = self.seen.saturating_add(new.size);
        // SAFETY: the caller's promise.
        unsafe {
            self.guarded(filter, new.place, |exchange, host, setup| {
                exchange.on_request_body(host, &setup.config, new.size, end_of_stream)
            })
        }
    }

    /// The trailers came.
    ///
    /// # Safety
    /// `filter` is this stream in Envoy, and its hook is running.
    pub(crate) unsafe fn on_request_trailers(&mut self, filter: FilterInEnvoy) -> Flow {
        // SAFETY: the caller's promise.
        unsafe {
            self.guarded(filter, ChunkPlace::NONE, |exchange, host, setup| {
                exchange.on_request_trailers(host, &setup.config)
            })
        }
    }

    /// Calls the filter. If it panics, the request is refused, and no further part of it reaches the filter or the upstream.
    ///
    /// # Safety
    /// `filter` is this stream in Envoy, and its hook is running.
    unsafe fn guarded(
        &mut self,
        filter: FilterInEnvoy,
        chunk: ChunkPlace,
        call: impl FnOnce(&mut Exchange, &mut EnvoyHost<'_>, &Setup) -> Flow,
    ) -> Flow {
        if self.panicked {
            return Flow::Stop;
        }
        // SAFETY: the caller's promise; the configuration is the one that the stream was opened with.
        let mut host = unsafe { EnvoyHost::new(filter, &self.setup, chunk, &mut self.answered) };
        // What the panic leaves behind is not looked at again.
        match catch_unwind(AssertUnwindSafe(|| call(&mut self.exchange, &mut host, &self.setup))) {
            Ok(flow) => return flow,
            Err(payload) => drop(payload),
        }
        self.panicked = true;
        if !self.answered {
            // SAFETY: as above.
            let mut host = unsafe { EnvoyHost::new(filter, &self.setup, chunk, &mut self.answered) };
            // A second panic leaves the request without an answer, stopped where it is.
            let _ = catch_unwind(AssertUnwindSafe(|| refuse_after_panic(&mut host)));
        }
        Flow::Stop
    }
}

// === impl NewBytes ===

impl NewBytes {
    /// Finds the bytes that came since `seen`.
    ///
    /// # Safety
    /// `filter` is a stream whose body hook is running.
    unsafe fn of(filter: FilterInEnvoy, seen: usize, end_of_stream: bool) -> Self {
        // SAFETY: the caller's promise.
        let size_of = |body| unsafe { abi::envoy_dynamic_module_callback_http_get_body_size(filter, body) };
        let received = size_of(Body::RECEIVED_REQUEST);
        if received != 0 || !end_of_stream {
            return Self { place: ChunkPlace { body: Body::RECEIVED_REQUEST, skip: 0 }, size: received };
        }
        // Where a later filter holds the payload back, Envoy adds the last part to what is held before it calls this
        // filter, and shows an empty one.
        let held = size_of(Body::BUFFERED_REQUEST);
        Self {
            place: ChunkPlace { body: Body::BUFFERED_REQUEST, skip: seen },
            size: held.saturating_sub(seen),
        }
    }
}

fn refuse_after_panic(host: &mut EnvoyHost<'_>) {
    log::error("the filter panicked; the request was refused (standard error has where)");
    let _ = host.count(Outcome::Refused(Code::EdgeFailure));
    let problem = Problem::new(Code::EdgeFailure, "the filter failed");
    let request_id = request_id(host);
    let request_id = request_id.as_deref().and_then(RequestId::new);
    let fields: Vec<_> = problem.fields().collect();
    let fields = fields.iter().map(|(name, value)| (*name, value.as_ref()));
    let fields: Vec<_> = fields.chain(request_id.map(|id| (REQUEST_ID, id.as_str()))).collect();
    let _ = host.send_local_response(&LocalResponse {
        status: problem.status(),
        details: "postmqtt{EdgeFailure}",
        fields: &fields,
        body: &problem.to_json(request_id),
    });
}

fn request_id(host: &EnvoyHost<'_>) -> Option<Vec<u8>> {
    let fields = host.request_head().ok()?;
    let head = RequestHead::from_fields(fields.pairs());
    head.request_id().map(|id| id.as_str().as_bytes().to_vec())
}

#[cfg(feature = "trap")]
#[allow(clippy::panic)]
fn trap(host: &EnvoyHost<'_>) {
    let is_trap =
        |fields: crate::host::BorrowedFields<'_>| fields.pairs().any(|(name, _)| name == b"x-postmqtt-trap");
    if host.request_head().is_ok_and(is_trap) {
        panic!("a request with x-postmqtt-trap");
    }
}
