//! What Envoy gives when it loads or replaces a configuration.

use edge::Config;

use crate::abi::{self, LogLevel};
use crate::counters::Counters;

/// What every stream under a configuration shares.
pub(crate) struct Setup {
    pub(crate) config: Config,
    pub(crate) counters: Counters,
}

// === impl Setup ===

impl Setup {
    /// Reads a configuration of `size` bytes. `None` if it cannot be used; Envoy's log then says why.
    pub(crate) fn read(size: usize) -> Option<Self> {
        match Self::try_read(size) {
            Ok(setup) => {
                abi::log(LogLevel::Info, &format!("postmqtt: {}", setup.config.summary()));
                Some(setup)
            }
            Err(reason) => {
                abi::log(LogLevel::Error, &format!("postmqtt: {reason}"));
                None
            }
        }
    }

    fn try_read(size: usize) -> Result<Self, String> {
        let json = abi::plugin_configuration(size)
            .map_err(|error| format!("the host gives no configuration: {error}"))?;
        let config =
            Config::from_json(&json).map_err(|error| format!("the configuration is wrong: {error}"))?;
        let counters =
            Counters::define().map_err(|error| format!("the host does not define counters: {error}"))?;
        Ok(Self { config, counters })
    }
}
