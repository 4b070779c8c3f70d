//! What the filter costs on the whole path: a real Envoy with two workers, a real bridge and broker.
//!
//! One Envoy has a listener for each [`Edge`], which differ in their filters only. Every round sends each [`Workload`] to
//! each edge in turn, so that whatever else the machine does meanwhile happens to all of them alike; a ratio is that of
//! two edges in the same round.

mod edge;
mod load;
mod report;

use edge::Edge;
use load::{Load, Round};
use rig::stack::{EnvoyConfig, Mosquitto, Stack, free_port};
use rig::{Result, repo};

use crate::report::Report;
use crate::run::Run;
use crate::workload::Workload;

const DIRECTORY: &str = "bench/whole-path";

/// One edge and where it listens.
struct Listener {
    edge: Edge,
    port: u16,
}

pub(crate) fn measure(run: &Run) -> Result<Report> {
    let mut edges = vec![Edge::ProxyOnly, Edge::WithoutFilter, Edge::AsShipped, Edge::FullPolicy];
    // Beside them a dynamic module would need other filters and runtime settings.
    let wasm = run.against.clone().filter(|filter| filter.extension().is_some_and(|name| name == "wasm"));
    edges.extend(wasm.map(Edge::Against));
    let listeners: Vec<_> =
        edges.into_iter().map(|edge| Ok(Listener { edge, port: free_port()? })).collect::<Result<_>>()?;

    let stack = start(&listeners)?;
    let load = Load::new(run.h2load(DIRECTORY), &stack);
    for listener in &listeners {
        // Caches fill, connections are opened, and memory grows to the size that it keeps.
        load.send(&Workload::WARM_UP, listener.port)?;
    }
    let mut tables = Vec::new();
    let mut all: Vec<Vec<Vec<Round>>> = Vec::new();
    for workload in &Workload::ALL {
        let mut rounds: Vec<Vec<Round>> = listeners.iter().map(|_| Vec::new()).collect();
        for _ in 0..run.rounds {
            for (listener, rounds) in listeners.iter().zip(&mut rounds) {
                rounds.push(load.send(workload, listener.port)?);
            }
        }
        let rows: Vec<_> = listeners.iter().map(|listener| &listener.edge).zip(&rounds).collect();
        tables.push(report::workload(workload, &rows));
        all.push(rounds);
    }
    if let (Some(single), Some(batch)) = (all.get(Workload::SINGLE), all.get(Workload::BATCH)) {
        let edges = listeners.iter().map(|listener| &listener.edge);
        tables.push(report::batches(edges.zip(single.iter().zip(batch))));
    }
    Ok(Report::new(tables))
}

fn start(listeners: &[Listener]) -> Result<Stack> {
    let listeners: Vec<_> = listeners.iter().map(|listener| (listener.edge.clone(), listener.port)).collect();
    Stack::builder(DIRECTORY)
        .filter(repo::filter())
        .mosquitto(Mosquitto::new())
        .bridge(repo::release_bridge())
        .envoy_config(move |config: &mut EnvoyConfig| {
            let listeners = listeners.iter().map(|(edge, port)| edge.listener(config, *port));
            let listeners: Vec<_> = listeners.collect();
            config.value()["static_resources"]["listeners"] = listeners.into();
        })
        .start()
}
