//! The series of `/metrics`: names, labels and sources.

use std::fmt;
use std::sync::{Arc, OnceLock};

use http_publish::{Answer, Code, ReasonCode};
use mqtt_sessions::budget::Budget;
use mqtt_sessions::clients::{ClientTally, Clients};
use mqtt_sessions::replies::Replies;
use mqtt_sessions::{Destination, Pool, Tally};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use crate::idempotency::Keys;

use super::histogram::{Histogram, Snapshot};
use super::refusals::Refusals;
use super::retained_reads::RetainedReads;
use crate::reload::Reloader;

/// The start of the name of each series.
pub(super) const PREFIX: &str = "postmqtt_bridge";

/// The sources of all series.
#[derive(Debug)]
pub(super) struct Numbers {
    pub(super) pool: Arc<Pool>,
    pub(super) budget: Arc<Budget>,
    pub(super) replies: Option<Arc<Replies>>,
    pub(super) keys: Arc<Keys>,
    pub(super) refusals: Refusals,
    pub(super) retained_reads: RetainedReads,
    pub(super) latency: Histogram,
    pub(super) reloader: OnceLock<Reloader>,
}

// === impl Numbers ===

impl Collector for Numbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self { pool, budget, replies, keys, refusals, retained_reads, latency, reloader } = self;
        let tally = pool.tally();

        let help =
            "Messages that the broker acknowledged, or that were written to its connection with QoS 0.";
        let mut publishes = encoder.encode_descriptor("publishes", help, None, MetricType::Counter)?;
        count(&mut publishes, &[("qos", "0"), ("reason_code", "none")], tally.written())?;
        let acknowledged = tally.acknowledged().map(|(code, messages)| (ReasonCode(code.0), messages));
        for (reason_code, messages) in
            acknowledged.filter(|(code, messages)| *messages > 0 || is_known(*code))
        {
            let reason_code = reason_code.0.to_string();
            count(&mut publishes, &[("qos", "1"), ("reason_code", &reason_code)], messages)?;
        }

        let help = "Publish requests and messages of batches that were answered with a problem.";
        let mut refused = encoder.encode_descriptor("refusals", help, None, MetricType::Counter)?;
        for (code, requests) in refusals.iter() {
            count(&mut refused, &[("code", code.as_str())], requests)?;
        }

        let help = "Requests for retained messages by their outcome.";
        let mut reads = encoder.encode_descriptor("retained_reads", help, None, MetricType::Counter)?;
        for (outcome, requests) in retained_reads.iter() {
            count(&mut reads, &[("outcome", outcome.as_str())], requests)?;
        }

        let help = "Time from a complete message to its outcome.";
        let Snapshot { sum, count, buckets } = latency.snapshot();
        encoder
            .encode_descriptor("publish", help, Some(&Unit::Seconds), MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;

        let help = "Connections that replaced a lost one.";
        encoder
            .encode_descriptor("reconnects", help, None, MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, f64>(&tally.reconnects(), None)?;

        let help = "Sessions that were replaced by new ones because of messages that the broker did not acknowledge.";
        encoder
            .encode_descriptor("session_renewals", help, None, MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, f64>(&tally.renewals(), None)?;

        let help = "Requests that got the answer to an earlier one with the same Idempotency-Key.";
        encoder
            .encode_descriptor("idempotent_replays", help, None, MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, f64>(&keys.replays(), None)?;

        let help = "Outcomes that made room for a new Idempotency-Key before the end of their window.";
        encoder
            .encode_descriptor("idempotency_evictions", help, None, MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, f64>(&keys.evicted(), None)?;

        encode_connections(&mut encoder, tally)?;

        let gauges = [
            (
                "sessions_connected",
                "Shared sessions that are connected to the broker.",
                pool.connected_sessions(),
            ),
            ("sessions_configured", "Shared sessions.", pool.sessions()),
            (
                "stale_files",
                "1 while a password or TLS file cannot be used, and its previous content is in use.",
                usize::from(reloader.get().is_some_and(Reloader::has_stale_files)),
            ),
            (
                "overdue_messages",
                "Messages without a PUBACK whose publisher was answered at the publish time-out.",
                tally.overdue(),
            ),
            ("in_flight_messages", "Messages in flight.", budget.messages()),
            ("in_flight_messages_limit", "The maximum of messages in flight.", budget.limits().messages),
            ("in_flight_bytes", "Bytes of the messages in flight.", budget.bytes()),
            ("idempotency_keys", "Idempotency-Keys that are held.", keys.len()),
            ("idempotency_keys_limit", "The maximum of Idempotency-Keys.", keys.limits().keys),
            ("in_flight_bytes_limit", "The maximum of bytes in flight.", budget.limits().bytes),
        ];
        gauges.into_iter().try_for_each(|gauge| encode_gauge(&mut encoder, gauge))?;
        encode_replies(&mut encoder, replies.as_deref())?;
        encode_clients(&mut encoder, pool.clients())
    }
}

/// Whether the Reason Code has a meaning for a publish. Its series exists before the first such PUBACK.
fn is_known(reason_code: ReasonCode) -> bool {
    !matches!(reason_code.to_publish_answer(), Answer::Refused(Code::BrokerProtocolError))
}

/// The connections to each broker.
fn encode_connections(encoder: &mut DescriptorEncoder<'_>, tally: &Tally) -> fmt::Result {
    let help = "Sessions, also of clients, that are connected to each broker, by its place in --broker, counted from 0; or to \
                a server that a broker named.";
    let mut family = encoder.encode_descriptor("broker_connections", help, None, MetricType::Gauge)?;
    for (destination, connections) in tally.connections() {
        let broker = match destination {
            Destination::Configured(place) => place.to_string(),
            Destination::Redirected => "redirected".to_owned(),
        };
        let connections = i64::try_from(connections).unwrap_or(i64::MAX);
        family.encode_family(&[("broker", broker.as_str())])?.encode_gauge(&connections)?;
    }
    Ok(())
}

/// The series about replies. All are 0 if no request waits for one.
fn encode_replies(encoder: &mut DescriptorEncoder<'_>, replies: Option<&Replies>) -> fmt::Result {
    let help = "Replies that were received, by what became of them.";
    let mut received = encoder.encode_descriptor("replies", help, None, MetricType::Counter)?;
    count(&mut received, &[("outcome", "delivered")], replies.map_or(0, Replies::delivered))?;
    count(&mut received, &[("outcome", "dropped")], replies.map_or(0, Replies::dropped))?;
    let help = "Requests that wait for a reply.";
    encode_gauge(encoder, ("waiting_requests", help, replies.map_or(0, Replies::waiting)))?;
    let help = "The maximum of requests that wait for a reply.";
    encode_gauge(encoder, ("waiting_requests_limit", help, replies.map_or(0, Replies::limit)))
}

/// The series about sessions of clients. All are 0 if there are none.
fn encode_clients(encoder: &mut DescriptorEncoder<'_>, clients: Option<&Clients>) -> fmt::Result {
    let nothing = ClientTally::default();
    let tally = clients.map_or(&nothing, Clients::tally);

    let help = "Attempts to connect by sessions of clients.";
    let mut connects = encoder.encode_descriptor("client_connects", help, None, MetricType::Counter)?;
    for (outcome, attempts) in tally.connects() {
        count(&mut connects, &[("outcome", outcome.as_str())], attempts)?;
    }

    let help = "Connections of sessions of clients that ended.";
    let mut disconnects = encoder.encode_descriptor("client_disconnects", help, None, MetricType::Counter)?;
    for (reason, connections) in tally.disconnects() {
        count(&mut disconnects, &[("reason", reason.as_str())], connections)?;
    }

    let gauges = [
        ("client_sessions", "Sessions of clients, connected or not.", clients.map_or(0, Clients::sessions)),
        (
            "client_sessions_connected",
            "Sessions of clients that are connected to the broker.",
            tally.connected(),
        ),
        ("client_sessions_limit", "The maximum of sessions of clients.", clients.map_or(0, Clients::limit)),
    ];
    gauges.into_iter().try_for_each(|gauge| encode_gauge(encoder, gauge))
}

fn encode_gauge(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, value): (&str, &str, usize),
) -> fmt::Result {
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
}

fn count(family: &mut MetricEncoder<'_>, labels: &impl EncodeLabelSet, count: u64) -> fmt::Result {
    family.encode_family(labels)?.encode_counter::<NoLabelSet, _, f64>(&count, None)
}
