//! A stream: Envoy's callbacks about one request, handed on to [`edge`].

use std::rc::Rc;

use edge::{Config, Exchange, Flow};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::counters::Counters;
use crate::host::Envoy;

/// What every stream of a worker shares.
pub(crate) struct Setup {
    pub(crate) config: Config,
    pub(crate) counters: Counters,
}

/// A stream under a configuration.
pub(crate) struct Stream {
    setup: Rc<Setup>,
    exchange: Exchange,
}

/// A stream that the host opened without having given a configuration. Envoy does not.
pub(crate) struct Unconfigured;

// === impl Stream ===

impl Stream {
    pub(crate) fn new(setup: Rc<Setup>) -> Self {
        Self { setup, exchange: Exchange::default() }
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let Setup { config, counters } = &*self.setup;
        action(self.exchange.on_request_headers(&mut Envoy { counters }, config, end_of_stream))
    }

    /// `size` is that of the bytes which came with this call: nothing is held, so nothing adds up.
    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let mut host = Envoy { counters: &self.setup.counters };
        action(self.exchange.on_request_body(&mut host, size, end_of_stream))
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        let mut host = Envoy { counters: &self.setup.counters };
        action(self.exchange.on_request_trailers(&mut host))
    }
}

fn action(flow: Flow) -> Action {
    match flow {
        Flow::Continue => Action::Continue,
        Flow::Stop => Action::Pause,
    }
}

// === impl Unconfigured ===

impl Context for Unconfigured {}

impl HttpContext for Unconfigured {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        edge::refuse_without_configuration(&mut Envoy { counters: &Counters::default() });
        Action::Pause
    }

    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        Action::Pause
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        Action::Pause
    }
}
