//! `/metrics`, in the text format of OpenMetrics 1.0.
//!
//! Counting is an atomic addition: sessions count in their [`Tally`](mqtt_sessions::Tally), the budget counts itself, and
//! the HTTP side counts here. Names and labels are added when the metrics are read (`series`), so that publishing needs
//! neither locks nor look-ups. No label has values that a client chooses.

mod histogram;
mod refusals;
mod retained_reads;
mod series;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_publish::Code;
use mqtt_sessions::Pool;
use mqtt_sessions::budget::Budget;
use mqtt_sessions::replies::Replies;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use crate::idempotency::Keys;
use crate::reload::Reloader;

use self::histogram::Histogram;
use self::refusals::Refusals;
use self::retained_reads::RetainedReads;
use self::series::{Numbers, PREFIX};

pub(crate) use self::retained_reads::ReadOutcome;

/// The media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of a bridge.
#[derive(Debug)]
pub struct Metrics {
    numbers: Arc<Numbers>,
    registry: Registry,
}

// === impl Metrics ===

impl Metrics {
    /// The metrics of these sessions, this budget, these replies and these keys.
    #[must_use]
    pub(crate) fn new(
        pool: Arc<Pool>,
        budget: Arc<Budget>,
        replies: Option<Arc<Replies>>,
        keys: Arc<Keys>,
    ) -> Self {
        let refusals = Refusals::new();
        let numbers = Arc::new(Numbers {
            pool,
            budget,
            replies,
            keys,
            refusals,
            retained_reads: RetainedReads::new(),
            latency: Histogram::new(),
            reloader: OnceLock::new(),
        });
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register_collector(Box::new(Arc::clone(&numbers)));
        Self { numbers, registry }
    }

    /// Shows whether the files of this reloader can be used.
    pub(crate) fn report_files(&self, reloader: Reloader) {
        // It is set once, at start.
        let _ = self.numbers.reloader.set(reloader);
    }

    /// Counts a publish request that was answered with a problem.
    pub fn count_refused(&self, code: Code) {
        self.numbers.refusals.add(code);
    }

    /// Counts a request for retained messages.
    pub(crate) fn count_retained_read(&self, outcome: ReadOutcome) {
        self.numbers.retained_reads.add(outcome);
    }

    /// Records the time from a complete message to its outcome.
    pub fn observe_publish(&self, duration: Duration) {
        self.numbers.latency.observe(duration);
    }

    /// All series as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}
