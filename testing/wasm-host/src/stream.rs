//! One stream, driven by hand: each step is what Envoy does when that part of a request comes.

use std::cell::RefMut;

use crate::exchange::{Exchange, LocalReply, Passed};
use crate::host::Worker;
use crate::{Action, Callback, Fields, Host, Trap};

/// A request on its way through the filter.
///
/// The rules are those of Envoy without `allow_on_headers_stop_iteration`: a head that goes on is out of the filter's reach;
/// once a head stays, or the filter has answered, nothing more of the request is shown to it; and a body that stays adds
/// up, and is seen whole at each further chunk.
#[derive(Debug)]
pub struct Stream {
    host: Host,
    context: u32,
}

// === impl Stream ===

impl Stream {
    pub(crate) const fn new(host: Host, context: u32) -> Self {
        Self { host, context }
    }

    /// The head of the request.
    ///
    /// # Errors
    /// Returns an error if the filter traps, as every step does.
    pub fn request_headers(&self, fields: &Fields, end: bool) -> Result<Action, Trap> {
        self.step(|exchange| {
            exchange.show_head(fields.clone(), end);
            Callback::RequestHeaders { count: count(fields), end }
        })
    }

    /// A chunk of the request's body.
    #[allow(clippy::missing_errors_doc)]
    pub fn request_body(&self, chunk: &[u8], end: bool) -> Result<Action, Trap> {
        self.step(|exchange| Callback::RequestBody { size: shown(exchange.show_chunk(chunk, end)), end })
    }

    /// The trailers of the request.
    #[allow(clippy::missing_errors_doc)]
    pub fn request_trailers(&self, fields: &Fields) -> Result<Action, Trap> {
        self.step(|exchange| {
            exchange.show_trailers(fields.clone());
            Callback::RequestTrailers { count: count(fields) }
        })
    }

    /// The end of the request.
    #[allow(clippy::missing_errors_doc)]
    pub fn close(self) -> Result<(), Trap> {
        self.call(Callback::Delete).map(drop)
    }

    /// Calls back in this stream's context, at any time, with any argument, whatever the stream has seen.
    #[allow(clippy::missing_errors_doc)]
    pub fn call(&self, callback: Callback) -> Result<u32, Trap> {
        self.host.call(self.context, callback)
    }

    /// The answer that the filter gave.
    #[must_use]
    pub fn local_reply(&self) -> Option<LocalReply> {
        self.exchange().local_reply.clone()
    }

    /// What of the request has reached the upstream.
    #[must_use]
    pub fn upstream(&self) -> Passed {
        self.exchange().passed.clone()
    }

    /// Shows something, calls back, and does what the filter says.
    fn step(&self, show: impl FnOnce(&mut Exchange) -> Callback) -> Result<Action, Trap> {
        if self.exchange().is_over() {
            return Ok(Action::Pause);
        }
        let callback = show(&mut self.exchange());
        let action = self.host.borrow().vm.act(self.context, callback)?;
        self.exchange().settle(action);
        Ok(action)
    }

    fn exchange(&self) -> RefMut<'_, Exchange> {
        RefMut::map(self.host.borrow(), |worker: &mut Worker| {
            worker.vm.world().exchanges.entry(self.context).or_default()
        })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.host.borrow().vm.world().exchanges.remove(&self.context);
    }
}

fn count(fields: &Fields) -> u32 {
    u32::try_from(fields.len()).unwrap_or(u32::MAX)
}

fn shown(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
