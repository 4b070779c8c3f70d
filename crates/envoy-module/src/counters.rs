//! The filter's counters, with Envoy's labels. They are defined with the configuration: defining takes a lock.

use edge::{HostError, Outcome};
use http_publish::QoS;

use crate::abi::{
    ConfigInEnvoy, FilterInEnvoy, MetricsResult, ModuleBuffer,
    envoy_dynamic_module_callback_http_filter_config_define_counter as define_counter,
    envoy_dynamic_module_callback_http_filter_config_increment_counter as increment_from_config,
    envoy_dynamic_module_callback_http_filter_increment_counter as increment_from_stream,
};
use crate::lend;

/// Envoy's ids of the counters. Both have the same name; a label without a value would be a label, so there are two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counters {
    /// With the labels `outcome` and `qos`.
    sent: usize,
    /// With the label `outcome`.
    other: usize,
}

/// The values of an outcome's labels.
struct Labels {
    values: [ModuleBuffer; 2],
    count: usize,
}

const NAMES: [&str; 2] = ["outcome", "qos"];

// === impl Counters ===

impl Counters {
    /// Defines the counters, each outcome with 0.
    ///
    /// # Errors
    /// Returns an error if Envoy defines none.
    ///
    /// # Safety
    /// `config` is the configuration whose hook is running.
    pub(crate) unsafe fn define(config: ConfigInEnvoy) -> Result<Self, HostError> {
        let define = |labels: usize| {
            let mut names = NAMES.map(|name| lend::to_envoy(name.as_bytes()));
            let mut id = 0;
            let name = lend::to_envoy(Outcome::COUNTER.as_bytes());
            // SAFETY: the caller's promise; `names` has at least `labels` buffers, and all live until the call returns.
            let result = unsafe { define_counter(config, name, names.as_mut_ptr(), labels, &raw mut id) };
            done("envoy_dynamic_module_callback_http_filter_config_define_counter", result).map(|()| id)
        };
        let counters = Self { sent: define(2)?, other: define(1)? };
        for outcome in Outcome::all() {
            let mut labels = Labels::of(outcome);
            let id = counters.id(outcome);
            // SAFETY: the caller's promise; the labels are 'static text.
            let result =
                unsafe { increment_from_config(config, id, labels.values.as_mut_ptr(), labels.count, 0) };
            done("envoy_dynamic_module_callback_http_filter_config_increment_counter", result)?;
        }
        Ok(counters)
    }

    /// Adds one to the counter of `outcome`.
    ///
    /// # Errors
    /// Returns an error if Envoy does not count it.
    ///
    /// # Safety
    /// `filter` is a stream whose hook is running, of the configuration that defined the counters.
    pub(crate) unsafe fn increment(self, filter: FilterInEnvoy, outcome: Outcome) -> Result<(), HostError> {
        let mut labels = Labels::of(outcome);
        let id = self.id(outcome);
        // SAFETY: the caller's promise; the labels are 'static text.
        let result =
            unsafe { increment_from_stream(filter, id, labels.values.as_mut_ptr(), labels.count, 1) };
        done("envoy_dynamic_module_callback_http_filter_increment_counter", result)
    }

    const fn id(self, outcome: Outcome) -> usize {
        match outcome.qos() {
            Some(_) => self.sent,
            None => self.other,
        }
    }
}

// === impl Labels ===

impl Labels {
    const fn of(outcome: Outcome) -> Self {
        let qos = match outcome.qos() {
            Some(QoS::AtMostOnce) => "0",
            Some(QoS::AtLeastOnce) => "1",
            None => "",
        };
        let values = [lend::to_envoy(outcome.as_str().as_bytes()), lend::to_envoy(qos.as_bytes())];
        Self { values, count: if qos.is_empty() { 1 } else { 2 } }
    }
}

fn done(call: &'static str, result: MetricsResult) -> Result<(), HostError> {
    match result {
        MetricsResult::SUCCESS => Ok(()),
        MetricsResult(status) => Err(HostError { call, status: Some(status) }),
    }
}
