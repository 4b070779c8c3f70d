//! Counters of what the filter decided. They are defined when the configuration is read: defining takes a lock that all
//! workers share.
//!
//! Envoy's statistics have no labels of a filter's own, so a label is part of the name, `NAME.LABEL.VALUE`, and the
//! `stats_tags` of envoy.yaml take it out again: `postmqtt_requests{outcome="InvalidQos"}`.

use http_publish::{AtFault, Code, QoS};

use crate::host::{self, Counter, HostError};

/// The counters, ready to be incremented.
#[derive(Debug)]
pub(crate) struct Metrics {
    sent_at_most_once: Counter,
    sent_at_least_once: Counter,
    dry_runs: Counter,
    /// In the order of [`Code::ALL`]; of codes that are a bridge's or broker's word there is none.
    refused: Vec<(Code, Counter)>,
}

// === impl Metrics ===

impl Metrics {
    pub(crate) fn define() -> Result<Self, HostError> {
        let outcome = |name: &str| host::define_counter(&format!("postmqtt_requests.outcome.{name}"));
        let own = Code::ALL.iter().filter(|code| matches!(code.at_fault(), AtFault::Client | AtFault::Edge));
        Ok(Self {
            sent_at_most_once: host::define_counter("postmqtt_requests.outcome.Sent.qos.0")?,
            sent_at_least_once: host::define_counter("postmqtt_requests.outcome.Sent.qos.1")?,
            dry_runs: outcome("DryRun")?,
            refused: own.map(|&code| Ok((code, outcome(code.as_str())?))).collect::<Result<_, _>>()?,
        })
    }

    /// The head was let through: the message is on its way to a bridge.
    pub(crate) fn count_sent(&self, qos: QoS) {
        match qos {
            QoS::AtMostOnce => self.sent_at_most_once.increment(),
            QoS::AtLeastOnce => self.sent_at_least_once.increment(),
        }
    }

    pub(crate) fn count_dry_run(&self) {
        self.dry_runs.increment();
    }

    pub(crate) fn count_refused(&self, code: Code) {
        if let Some((_, counter)) = self.refused.iter().find(|(known, _)| *known == code) {
            counter.increment();
        }
    }
}
