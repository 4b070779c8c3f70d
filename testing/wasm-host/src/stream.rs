//! One stream, driven by hand: each step is what Envoy does when that part of a request or response comes.

use std::cell::RefMut;
use std::collections::HashMap;

use crate::exchange::{Direction, Exchange, LocalReply, Passed, Way};
use crate::host::Worker;
use crate::{Action, Callback, Fields, Host, Trap};

/// A request and its response on their way through the filter.
///
/// The rules are those of Envoy with `allow_on_headers_stop_iteration`: a head that the filter lets go on is out of its
/// reach; a body that it holds adds up, and is seen whole at each further chunk; and once the filter has answered, the
/// rest of the request is not shown to it.
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
    /// Where the filter traps, as in all steps.
    pub fn request_headers(&self, fields: &Fields, end: bool) -> Result<Action, Trap> {
        self.step(Direction::Request, |way| {
            way.show_head(fields.clone(), end);
            Callback::RequestHeaders { count: count(fields), end }
        })
    }

    /// A chunk of the request's body.
    #[allow(clippy::missing_errors_doc)]
    pub fn request_body(&self, chunk: &[u8], end: bool) -> Result<Action, Trap> {
        self.step(Direction::Request, |way| Callback::RequestBody {
            size: shown(way.show_chunk(chunk, end)),
            end,
        })
    }

    /// The trailers of the request.
    #[allow(clippy::missing_errors_doc)]
    pub fn request_trailers(&self, fields: &Fields) -> Result<Action, Trap> {
        self.step(Direction::Request, |way| {
            way.show_trailers(fields.clone());
            Callback::RequestTrailers { count: count(fields) }
        })
    }

    /// The head of the response: the upstream's, or of a local reply.
    #[allow(clippy::missing_errors_doc)]
    pub fn response_headers(&self, fields: &Fields, end: bool) -> Result<Action, Trap> {
        self.step(Direction::Response, |way| {
            way.show_head(fields.clone(), end);
            Callback::ResponseHeaders { count: count(fields), end }
        })
    }

    /// A chunk of the response's body.
    #[allow(clippy::missing_errors_doc)]
    pub fn response_body(&self, chunk: &[u8], end: bool) -> Result<Action, Trap> {
        self.step(Direction::Response, |way| Callback::ResponseBody {
            size: shown(way.show_chunk(chunk, end)),
            end,
        })
    }

    /// The trailers of the response.
    #[allow(clippy::missing_errors_doc)]
    pub fn response_trailers(&self, fields: &Fields) -> Result<Action, Trap> {
        self.step(Direction::Response, |way| {
            way.show_trailers(fields.clone());
            Callback::ResponseTrailers { count: count(fields) }
        })
    }

    /// The access log is written, in which the filter may read once more what has passed.
    #[allow(clippy::missing_errors_doc)]
    pub fn log(&self) -> Result<(), Trap> {
        self.exchange().is_logging = true;
        let logged = self.call(Callback::Log);
        self.exchange().is_logging = false;
        logged.map(drop)
    }

    /// The end in Envoy's order: access log, done, delete. What comes back is what the access log can show: the
    /// properties that the filter noted down, by path.
    #[allow(clippy::missing_errors_doc)]
    pub fn close(self) -> Result<HashMap<Vec<u8>, Vec<u8>>, Trap> {
        self.log()?;
        let properties = std::mem::take(&mut self.exchange().properties);
        self.call(Callback::Done)?;
        self.call(Callback::Delete)?;
        Ok(properties)
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
        self.exchange().request.passed.clone()
    }

    /// What of the response has reached the client.
    #[must_use]
    pub fn downstream(&self) -> Passed {
        self.exchange().response.passed.clone()
    }

    /// What the filter noted down on the request with `proxy_set_property`.
    #[must_use]
    pub fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        self.exchange().properties.get(path.join("\0").as_bytes()).cloned()
    }

    /// Shows something, calls back, and does what the filter says.
    fn step(&self, direction: Direction, show: impl FnOnce(&mut Way) -> Callback) -> Result<Action, Trap> {
        if self.is_over(direction) {
            return Ok(Action::Pause);
        }
        let callback = show(self.exchange().way(direction));
        let action = self.host.borrow().vm.act(self.context, callback)?;
        let stays = self.is_over(direction);
        self.exchange().way(direction).settle(if stays { Action::Pause } else { action });
        Ok(action)
    }

    /// What is answered does not go on.
    fn is_over(&self, direction: Direction) -> bool {
        direction == Direction::Request && self.exchange().local_reply.is_some()
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
