//! A configuration of the filter, and the counters that it defined.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::c_void;

use envoy_module::abi::{ConfigInEnvoy, ConfigInModule, EnvoyBuffer, LogLevel};
use envoy_module::hooks;

use crate::log::take_log;

/// A configuration that the filter took.
#[derive(Debug)]
pub struct Config {
    pub(crate) in_module: ConfigInModule,
    counters: Box<RefCell<Counters>>,
}

/// What a configuration counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Whether counters can be defined.
    pub(crate) refuses: bool,
    /// Names and labels, by id.
    pub(crate) defined: Vec<(String, Vec<String>)>,
    /// Values, by series.
    pub(crate) values: BTreeMap<String, u64>,
}

// === impl Config ===

impl Config {
    /// Gives the filter a configuration.
    ///
    /// # Errors
    /// Returns the errors that the filter logged if it refuses the configuration.
    pub fn load(json: impl AsRef<[u8]>) -> Result<Self, Vec<String>> {
        let json = json.as_ref();
        Self::load_from(EnvoyBuffer { ptr: json.as_ptr().cast(), length: json.len() }, Counters::default())
    }

    /// Gives the filter a configuration whose bytes are not there: a null pointer with a length.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_null(length: usize) -> Result<Self, Vec<String>> {
        Self::load_from(EnvoyBuffer { ptr: std::ptr::null(), length }, Counters::default())
    }

    /// Gives the filter a configuration, and defines no counters.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_without_counters(json: &str) -> Result<Self, Vec<String>> {
        let counters = Counters { refuses: true, ..Counters::default() };
        Self::load_from(EnvoyBuffer { ptr: json.as_ptr().cast(), length: json.len() }, counters)
    }

    /// The value of a series, as Prometheus writes it: `postmqtt_requests{outcome="DryRun"}`. `None` if it was never counted.
    #[must_use]
    pub fn counter(&self, series: &str) -> Option<u64> {
        self.counters.borrow().values.get(series).copied()
    }

    /// Every series that counts more than 0.
    #[must_use]
    pub fn counted(&self) -> Vec<(String, u64)> {
        let counters = self.counters.borrow();
        counters
            .values
            .iter()
            .filter(|(_, value)| **value > 0)
            .map(|(name, value)| (name.clone(), *value))
            .collect()
    }

    /// Ends the configuration, as Envoy does when it has replaced it.
    pub fn destroy(self) {
        drop(self);
    }

    pub(crate) fn counters(&self) -> *const RefCell<Counters> {
        &raw const *self.counters
    }

    fn load_from(json: EnvoyBuffer, counters: Counters) -> Result<Self, Vec<String>> {
        let counters = Box::new(RefCell::new(counters));
        let in_envoy: ConfigInEnvoy = (&raw const *counters).cast_mut().cast::<c_void>();
        let name = EnvoyBuffer { ptr: c"postmqtt".as_ptr(), length: "postmqtt".len() };
        let before = take_log();
        // SAFETY: all that is passed lives until the hook returns, as far as it is there at all.
        let in_module =
            unsafe { hooks::envoy_dynamic_module_on_http_filter_config_new(in_envoy, name, json) };
        if !in_module.is_null() {
            before.into_iter().chain(take_log()).for_each(crate::log::push);
            return Ok(Self { in_module, counters });
        }
        let errors = take_log().into_iter().filter(|line| line.level == LogLevel::ERROR);
        Err(errors.map(|line| line.text).collect())
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        // SAFETY: the filter made it, and it is used no more.
        unsafe { hooks::envoy_dynamic_module_on_http_filter_config_destroy(self.in_module) };
    }
}

// === impl Counters ===

impl Counters {
    /// Adds to a series; `None` if there is no such counter, or if it has other labels.
    pub(crate) fn add(&mut self, id: usize, labels: &[String], value: u64) -> Option<()> {
        let (name, names) = self.defined.get(id).filter(|(_, names)| names.len() == labels.len())?;
        let pairs: Vec<_> =
            names.iter().zip(labels).map(|(name, value)| format!("{name}={value:?}")).collect();
        *self.values.entry(format!("{name}{{{}}}", pairs.join(","))).or_default() += value;
        Some(())
    }
}
