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
    /// How many bytes of the payload the host holds.
    held: usize,
}

// === impl Stream ===

impl Stream {
    pub(crate) fn new(setup: Option<Rc<Setup>>) -> Self {
        Self { setup, exchange: Exchange::default(), held: 0 }
    }

    pub(crate) fn on_request_headers(&mut self, end_of_stream: bool) -> Flow {
        let Some(setup) = &self.setup else {
            edge::refuse_without_configuration(&mut Envoy { counters: &Counters::default() });
            return Flow::Stop;
        };
        let Setup { config, counters } = &**setup;
        self.exchange.on_request_headers(&mut Envoy { counters }, config, end_of_stream)
    }

    /// `size` bytes are there to see: those that came, and before them those that are held.
    pub(crate) fn on_request_body(&mut self, size: usize, end_of_stream: bool) -> Flow {
        let Some(setup) = &self.setup else { return Flow::Stop };
        let Setup { config, counters } = &**setup;
        let new = size.saturating_sub(self.held);
        let flow = self.exchange.on_request_body(&mut Envoy { counters }, config, new, end_of_stream);
        self.held = if flow == Flow::Hold { size } else { 0 };
        flow
    }

    pub(crate) fn on_request_trailers(&mut self) -> Flow {
        let Some(setup) = &self.setup else { return Flow::Stop };
        let Setup { config, counters } = &**setup;
        self.exchange.on_request_trailers(&mut Envoy { counters }, config)
    }
}
