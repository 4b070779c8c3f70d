//! The counters, defined when the configuration is read: defining one takes a lock that all workers share.
//!
//! Envoy's statistics have no labels that a Wasm filter sets, so the labels are part of a name, `NAME.LABEL.VALUE`, and the
//! `stats_tags` of envoy.yaml take them out again: `postmqtt_requests{outcome="InvalidQos"}`.

use edge::{HostError, Outcome};

use crate::abi;

/// The counter of each outcome.
#[derive(Debug, Default)]
pub(crate) struct Counters(Vec<(Outcome, abi::Counter)>);

// === impl Counters ===

impl Counters {
    pub(crate) fn define() -> Result<Self, HostError> {
        let define = |outcome: Outcome| {
            let mut name = format!("{}.outcome.{}", Outcome::COUNTER, outcome.as_str());
            if let Some(qos) = outcome.qos() {
                name.push_str(".qos.");
                name.push_str(qos.as_str());
            }
            Ok((outcome, abi::define_counter(&name)?))
        };
        Outcome::all().map(define).collect::<Result<_, _>>().map(Self)
    }

    /// Adds one. Without a configuration there are no counters, and nothing is counted.
    pub(crate) fn increment(&self, outcome: Outcome) -> Result<(), HostError> {
        let counter = self.0.iter().find(|(known, _)| *known == outcome);
        counter.map_or(Ok(()), |&(_, counter)| abi::increment(counter))
    }
}
