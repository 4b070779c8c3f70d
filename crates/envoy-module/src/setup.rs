//! What all streams of a configuration share.

use std::sync::atomic::{AtomicBool, Ordering};

use edge::Config;

use crate::abi::ConfigInEnvoy;
use crate::counters::Counters;
use crate::log;

/// A configuration that was read and whose counters are defined.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) config: Config,
    pub(crate) counters: Counters,
    missing_claims_were_logged: AtomicBool,
}

// === impl Setup ===

impl Setup {
    /// Reads the configuration, which is JSON.
    ///
    /// # Errors
    /// Returns a sentence for Envoy's log if it is not valid, or if Envoy defines no counters.
    ///
    /// # Safety
    /// `config` is the configuration whose hook is running.
    pub(crate) unsafe fn read(config: ConfigInEnvoy, json: &[u8]) -> Result<Self, String> {
        let parsed =
            Config::from_json(json).map_err(|error| format!("the configuration is wrong: {error}"))?;
        // SAFETY: the caller's promise.
        let counters = unsafe { Counters::define(config) }
            .map_err(|error| format!("Envoy does not define the counters: {error}"))?;
        Ok(Self { config: parsed, counters, missing_claims_were_logged: AtomicBool::new(false) })
    }

    /// Tells the operator, once a configuration, that Envoy verified a token and nothing handed its claims over.
    pub(crate) fn log_missing_claims(&self, filter_state: &str) {
        if !self.missing_claims_were_logged.swap(true, Ordering::Relaxed) {
            log::error(&format!(
                "a token was verified, but no filter wrote its claims to the filter state {filter_state}: \
                 envoy.filters.http.set_filter_state has to, before this filter"
            ));
        }
    }
}
