//! The tables that a person reads.

use super::edge::Edge;
use super::load::Round;
use crate::stats::{median, percentile};
use crate::table::Table;
use crate::workload::Workload;

/// One workload: a line for each edge, compared with the one without the filter.
pub(super) fn workload(workload: &Workload, rows: &[(&Edge, &Vec<Round>)]) -> Table {
    let columns =
        ["edge", "requests/s", "p50, µs", "p99, µs", "Envoy, µs/message", "ratio", "bridge, µs/message"];
    let mut table = Table::new(workload.to_string(), &columns);
    let baseline = rows.iter().find(|(edge, _)| **edge == Edge::WithoutFilter);
    for (edge, rounds) in rows {
        let mut latencies: Vec<u64> = rounds.iter().flat_map(|round| &round.latencies).copied().collect();
        latencies.sort_unstable();
        // Of one round each: what the machine did besides was much the same for both.
        let ratios = baseline.iter().flat_map(|(_, baseline)| rounds.iter().zip(*baseline));
        let ratio = median(ratios.map(|(round, baseline)| envoy_cpu(round) / envoy_cpu(baseline)));
        table.row(
            edge,
            vec![
                format!("{:.0}", median(rounds.iter().map(|round| round.requests_per_second))),
                percentile(&latencies, 50).to_string(),
                percentile(&latencies, 99).to_string(),
                format!("{:.1}", median(rounds.iter().map(envoy_cpu))),
                format!("{ratio:.2}"),
                format!("{:.1}", median(rounds.iter().map(bridge_cpu))),
            ],
        );
    }
    table
}

/// What a message of a batch costs Envoy and the bridge together, beside a single one.
pub(super) fn batches<'a>(
    edges: impl Iterator<Item = (&'a Edge, (&'a Vec<Round>, &'a Vec<Round>))>,
) -> Table {
    let both = |rounds: &[Round]| median(rounds.iter().map(|round| envoy_cpu(round) + bridge_cpu(round)));
    let columns = ["edge", "single, µs", "in a batch, µs", "single ÷ in a batch"];
    let mut table = Table::new("Envoy and the bridge together, a message", &columns);
    for (edge, (single, batch)) in edges {
        let (single, batch) = (both(single), both(batch));
        table
            .row(edge, vec![format!("{single:.1}"), format!("{batch:.1}"), format!("{:.1}", single / batch)]);
    }
    table
}

/// In microseconds a message.
fn envoy_cpu(round: &Round) -> f64 {
    round.envoy_per_message.as_secs_f64() * 1e6
}

/// In microseconds a message.
fn bridge_cpu(round: &Round) -> f64 {
    round.bridge_per_message.as_secs_f64() * 1e6
}
