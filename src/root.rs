//! The root: reads the configuration when Envoy loads or replaces it, and opens a stream for each request.

use std::rc::Rc;

use edge::Config;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::abi::{self, LogLevel};
use crate::counters::Counters;
use crate::stream::{Setup, Stream, Unconfigured};

/// One for each worker and configuration.
#[derive(Default)]
pub(crate) struct Root {
    setup: Option<Rc<Setup>>,
}

// === impl Root ===

impl Context for Root {}

impl RootContext for Root {
    /// `false` makes Envoy refuse to start, or to take the new configuration.
    fn on_configure(&mut self, size: usize) -> bool {
        match set_up(size) {
            Ok(setup) => {
                abi::log(LogLevel::Info, &format!("postmqtt: {}", setup.config.summary()));
                self.setup = Some(Rc::new(setup));
                true
            }
            Err(reason) => {
                abi::log(LogLevel::Error, &format!("postmqtt: {reason}"));
                false
            }
        }
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(match &self.setup {
            Some(setup) => Box::new(Stream::new(Rc::clone(setup))),
            None => Box::new(Unconfigured),
        })
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn set_up(size: usize) -> Result<Setup, String> {
    let json = abi::plugin_configuration(size)
        .map_err(|error| format!("the host gives no configuration: {error}"))?;
    let config = Config::from_json(&json).map_err(|error| format!("the configuration is wrong: {error}"))?;
    let counters =
        Counters::define().map_err(|error| format!("the host does not define counters: {error}"))?;
    Ok(Setup { config, counters })
}
