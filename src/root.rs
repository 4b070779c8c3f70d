//! The root: reads the configuration when Envoy loads or replaces it, and opens an exchange for each request.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::config::Config;
use crate::exchange::Exchange;
use crate::host::{self, LogLevel};

/// One for each worker and configuration.
#[derive(Default)]
pub(crate) struct Root {
    config: Option<Rc<Config>>,
}

// === impl Root ===

impl Context for Root {}

impl RootContext for Root {
    /// `false` makes Envoy refuse to start, or to take the new configuration.
    fn on_configure(&mut self, size: usize) -> bool {
        let json = host::plugin_configuration(size);
        let config = json.map_err(|error| format!("the host gives no configuration (status {})", error.0));
        match config.and_then(|json| Config::from_json(&json).map_err(|error| error.to_string())) {
            Ok(config) => {
                host::log(LogLevel::Info, &format!("postmqtt: publishing at {}", config.rules.path));
                self.config = Some(Rc::new(config));
                true
            }
            Err(reason) => {
                host::log(LogLevel::Error, &format!("postmqtt: the configuration is wrong: {reason}"));
                false
            }
        }
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Exchange::new(self.config.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
