//! `/metrics`: what an operator sees of the bridge, in the text format of OpenMetrics 1.0, which Prometheus reads.
//!
//! Whoever does something counts it, by an addition to a number of its own: the sessions in their
//! [`Tally`](crate::mqtt::tally::Tally), the budget in itself, the HTTP side here. Names and labels are put to the numbers
//! when they are asked for (`series`), so that publishing neither locks nor looks anything up. No label has values that
//! a client chooses.

mod histogram;
mod refusals;
mod series;

use std::sync::Arc;
use std::time::Duration;

use http_publish::Code;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use self::histogram::Histogram;
use self::refusals::Refusals;
use self::series::{Numbers, PREFIX};
use crate::budget::Budget;
use crate::mqtt::Pool;

/// The media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The numbers of a bridge, and the names that they are known by.
#[derive(Debug)]
pub struct Metrics {
    numbers: Arc<Numbers>,
    registry: Registry,
}

// === impl Metrics ===

impl Metrics {
    /// Of these sessions, and of what is under way to them.
    #[must_use]
    pub fn new(pool: Arc<Pool>, budget: Arc<Budget>) -> Self {
        let refusals = Refusals::new();
        let numbers = Arc::new(Numbers { pool, budget, refusals, latency: Histogram::new() });
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register_collector(Box::new(Arc::clone(&numbers)));
        Self { numbers, registry }
    }

    /// A publish request was refused.
    pub fn count_refused(&self, code: Code) {
        self.numbers.refusals.add(code);
    }

    /// It took so long, from a whole message to the decision on its answer.
    pub fn observe_publish(&self, duration: Duration) {
        self.numbers.latency.observe(duration);
    }

    /// Every series.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}
