//! A stream: Envoy's callbacks about one request, handed on to [`edge`].

use std::rc::Rc;

use edge::{Exchange, Flow};

use crate::counters::Counters;
use crate::host::Envoy;
use crate::setup::Setup;

/// A request.
pub(crate) struct Stream {
    /// `None` if the host opened the stream without having given a configuration. Envoy does not.
    setup: Option<Rc<Setup>>,
    exchange: Exchange,
}

// === impl Stream ===

impl Stream {
    pub(crate) fn new(setup: Option<Rc<Setup>>) -> Self {
        Self { setup, exchange: Exchange::default() }
    }

    pub(crate) fn on_request_headers(&mut self, end_of_stream: bool) -> Flow {
        let Some(setup) = &self.setup else {
            edge::refuse_without_configuration(&mut Envoy { counters: &Counters::default() });
            return Flow::Stop;
        };
        let Setup { config, counters } = &**setup;
        self.exchange.on_request_headers(&mut Envoy { counters }, config, end_of_stream)
    }

    pub(crate) fn on_request_body(&mut self, size: usize, end_of_stream: bool) -> Flow {
        let Some(setup) = &self.setup else { return Flow::Stop };
        self.exchange.on_request_body(&mut Envoy { counters: &setup.counters }, size, end_of_stream)
    }

    pub(crate) fn on_request_trailers(&mut self) -> Flow {
        let Some(setup) = &self.setup else { return Flow::Stop };
        self.exchange.on_request_trailers(&mut Envoy { counters: &setup.counters })
    }
}
