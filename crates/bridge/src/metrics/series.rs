//! Every series of `/metrics`: its name, its labels, and where its number comes from.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::histogram::{Histogram, Snapshot};
use super::refusals::Refusals;
use crate::budget::Budget;
use crate::mqtt::Pool;

/// What starts the name of each series.
pub(super) const PREFIX: &str = "postmqtt_bridge";

/// The numbers, wherever they are counted.
#[derive(Debug)]
pub(super) struct Numbers {
    pub(super) pool: Arc<Pool>,
    pub(super) budget: Arc<Budget>,
    pub(super) refusals: Refusals,
    pub(super) latency: Histogram,
}

// === impl Numbers ===

impl Collector for Numbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self { pool, budget, refusals, latency } = self;
        let tally = pool.tally();

        let help = "Messages that the broker answered for, or that were handed to it with QoS 0.";
        let mut publishes = encoder.encode_descriptor("publishes", help, None, MetricType::Counter)?;
        count(&mut publishes, &[("qos", "0"), ("reason_code", "none")], tally.written())?;
        for (reason_code, messages) in tally.acknowledged() {
            let reason_code = reason_code.0.to_string();
            count(&mut publishes, &[("qos", "1"), ("reason_code", &reason_code)], messages)?;
        }

        let help = "Publish requests that were refused.";
        let mut refused = encoder.encode_descriptor("refusals", help, None, MetricType::Counter)?;
        for (code, requests) in refusals.iter() {
            count(&mut refused, &[("code", code.as_str())], requests)?;
        }

        let help = "From a message that has arrived whole to the decision on its answer.";
        let Snapshot { sum, count, buckets } = latency.snapshot();
        encoder
            .encode_descriptor("publish", help, Some(&Unit::Seconds), MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;

        let help = "Connections that replaced one that a session had lost.";
        encoder
            .encode_descriptor("reconnects", help, None, MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, f64>(&tally.reconnects(), None)?;

        let gauges = [
            (
                "sessions_connected",
                "Sessions that have a connection to the broker.",
                pool.connected_sessions(),
            ),
            ("sessions_configured", "Sessions that should have one.", pool.sessions()),
            ("in_flight_messages", "Messages under way.", budget.messages()),
            (
                "in_flight_messages_limit",
                "The most messages that may be under way.",
                budget.limits().messages,
            ),
            ("in_flight_bytes", "Bytes of the messages under way.", budget.bytes()),
            ("in_flight_bytes_limit", "The most bytes that may be under way.", budget.limits().bytes),
        ];
        for (name, help, value) in gauges {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)?;
        }
        Ok(())
    }
}

fn count(family: &mut MetricEncoder<'_>, labels: &impl EncodeLabelSet, count: u64) -> fmt::Result {
    family.encode_family(labels)?.encode_counter::<NoLabelSet, _, f64>(&count, None)
}
