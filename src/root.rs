//! The root: reads the configuration when Envoy loads or replaces it, and opens an exchange for each request.

use std::rc::Rc;

use policy::Config;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::exchange::Exchange;
use crate::host::{self, LogLevel};
use crate::metrics::Metrics;

/// One for each worker and configuration.
#[derive(Default)]
pub(crate) struct Root {
    setup: Option<Rc<Setup>>,
}

/// What every request of a worker shares.
pub(crate) struct Setup {
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
}

// === impl Setup ===

impl Setup {
    fn read(size: usize) -> Result<Self, String> {
        let json = host::plugin_configuration(size)
            .map_err(|error| format!("the host gives no configuration (status {})", error.0))?;
        let config =
            Config::from_json(&json).map_err(|error| format!("the configuration is wrong: {error}"))?;
        let metrics = Metrics::define()
            .map_err(|error| format!("the host does not define counters (status {})", error.0))?;
        Ok(Self { config, metrics })
    }
}

// === impl Root ===

impl Context for Root {}

impl RootContext for Root {
    /// `false` makes Envoy refuse to start, or to take the new configuration.
    fn on_configure(&mut self, size: usize) -> bool {
        match Setup::read(size) {
            Ok(setup) => {
                let whose = match setup.config.permissions {
                    Some(_) => "to clients that a permission binding lets",
                    None => "to every client and every topic, since no permissions are configured",
                };
                let path = &setup.config.rules.path;
                host::log(LogLevel::Info, &format!("postmqtt: publishing at {path} is open {whose}"));
                self.setup = Some(Rc::new(setup));
                true
            }
            Err(reason) => {
                host::log(LogLevel::Error, &format!("postmqtt: {reason}"));
                false
            }
        }
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Exchange::new(self.setup.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
