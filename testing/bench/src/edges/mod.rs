//! What a filter adds to Envoy's processor time.
//!
//! Each [`Edge`] is an Envoy with one worker on one core, before a server that answers at once. The load and the server are on
//! another core. Every round sends the same requests to each edge in turn, so that whatever else the machine does meanwhile
//! happens to all of them alike; figures compare two edges in the same round.

mod edge;

pub(crate) use edge::Edge;
use rig::filter::Filter;
use rig::stack::Server;
use rig::{Error, Result};

use crate::h2load::H2load;
use crate::report::Report;
use crate::run::Run;
use crate::stats::{difference, median, ratio};
use crate::table::Table;
use crate::workload::{Protocol, Workload};

/// The processor time that Envoy used for a request, in microseconds, in each round.
type Series = Vec<f64>;

/// Edges, and what is before and after them.
struct Edges {
    h2load: H2load,
    running: Vec<(Edge, Server)>,
    upstream: Server,
}

/// How many rounds a process serves. Where its code and data lie differs with each start, and some of them are slower by several
/// microseconds a request as long as they live.
const ROUNDS_A_START: u32 = 3;

/// What the empty server answers, through any edge.
const PUBLISHED: u16 = 204;

pub(crate) fn measure(run: &Run) -> Result<Report> {
    let mut kinds = vec![Edge::WithoutFilter, Edge::Empty, Edge::Lua];
    for filter in [Filter::Wasm, Filter::Native] {
        kinds.extend([Edge::AsShipped(filter), Edge::FullPolicy(filter)]);
    }
    kinds.extend(run.against.clone().map(Edge::Against));
    let edges = Edges::new(run, kinds)?;
    let accepted = edges.rounds(run.rounds)?;
    let tables = vec![added(&edges, &accepted), policy(&edges, &accepted), edges.refusals(run.rounds)?];
    Ok(Report::new(tables).plot("edges.svg", 3))
}

// === impl Edges ===

impl Edges {
    fn new(run: &Run, kinds: Vec<Edge>) -> Result<Self> {
        let upstream = Run::start_empty_server(run.others, "bench/edges")?;
        let mut running = Vec::new();
        for (number, edge) in kinds.into_iter().enumerate() {
            let configured = edge.clone();
            let change = move |config: &mut _| configured.configure(config);
            let name = format!("bench/edge-{number}");
            let server = run.measured.envoy(&name, &edge.filter(), upstream.port, change)?;
            running.push((edge, server));
        }
        Ok(Self { h2load: run.h2load("bench/edges").on(run.others), running, upstream })
    }

    /// Starts an edge, once more if it runs.
    fn restart(&self, server: &Server) -> Result<()> {
        server.service.kill();
        server.service.start()?;
        // Caches fill, connections are opened, code is compiled, and memory grows to the size that it keeps.
        self.send(&Workload::ACCEPTED, server, PUBLISHED)?;
        Ok(())
    }

    /// Sends the requests that are accepted to each edge in turn.
    fn rounds(&self, rounds: u32) -> Result<Vec<Series>> {
        let mut all: Vec<Series> = vec![Vec::new(); self.running.len()];
        for round in 0..rounds {
            if round % ROUNDS_A_START == 0 {
                self.running.iter().try_for_each(|(_, server)| self.restart(server))?;
            }
            for ((_, server), series) in self.running.iter().zip(&mut all) {
                series.push(self.send(&Workload::ACCEPTED, server, PUBLISHED)?);
            }
        }
        Ok(all)
    }

    /// What the filter refuses beside what it accepts, in turn.
    fn refusals(&self, rounds: u32) -> Result<Table> {
        let kinds: Vec<_> = [Protocol::Http1, Protocol::Http2]
            .into_iter()
            .flat_map(|protocol| {
                [
                    ("accepted", Workload::ACCEPTED.over(protocol), PUBLISHED),
                    ("refused: one parameter is wrong (400)", Workload::INVALID.over(protocol), 400),
                    ("refused: the topic is not permitted (403)", Workload::FORBIDDEN.over(protocol), 403),
                ]
            })
            .collect();
        let filters = [Filter::Wasm, Filter::Native];
        let mut measured: Vec<Vec<Series>> = vec![vec![Vec::new(); kinds.len()]; filters.len()];
        for round in 0..rounds {
            for (filter, series) in filters.iter().zip(&mut measured) {
                let Some(server) = self.find(&Edge::AsShipped(*filter)) else { continue };
                if round % ROUNDS_A_START == 0 {
                    self.restart(server)?;
                }
                for ((_, workload, due), series) in kinds.iter().zip(series) {
                    series.push(self.send(workload, server, *due)?);
                }
            }
        }
        let columns =
            ["Envoy with postmqtt as shipped", ".wasm, µs", "× accepted", "native, µs", "× accepted"];
        let mut table = Table::new("CPU time of a request that is accepted or refused", &columns);
        let mut accepted = 0;
        for (number, (name, workload, due)) in kinds.iter().enumerate() {
            if *due == PUBLISHED {
                accepted = number;
            }
            let figures = measured.iter().flat_map(|of_filter| {
                let (this, accepted) = (&of_filter[number], &of_filter[accepted]);
                [format!("{:.1}", median(this.iter().copied())), format!("{:.2}", ratio(this, accepted))]
            });
            table.row(format!("{}, {name}", workload.protocol()), figures.collect());
        }
        Ok(table)
    }

    /// Microseconds of Envoy's processor time a request.
    fn send(&self, workload: &Workload, server: &Server, due: u16) -> Result<f64> {
        let unknown = || Error::new("The system does not say how much processor time Envoy used.");
        let before = server.service.cpu_time().ok_or_else(unknown)?;
        self.h2load.send(workload, server.port, due).map_err(|error| {
            error.with_log(format!("{}\n{}", server.service.log_tail(), self.upstream.service.log_tail()))
        })?;
        let used = server.service.cpu_time().ok_or_else(unknown)?.saturating_sub(before);
        Ok(used.as_secs_f64() * 1e6 / f64::from(workload.requests))
    }

    fn find(&self, edge: &Edge) -> Option<&Server> {
        self.running.iter().find_map(|(found, server)| (found == edge).then_some(server))
    }
}

fn of<'a>(edges: &Edges, series: &'a [Series], edge: &Edge) -> &'a [f64] {
    let mut both = edges.running.iter().zip(series);
    both.find_map(|((found, _), series)| (found == edge).then_some(series.as_slice())).unwrap_or_default()
}

fn added(edges: &Edges, all: &[Series]) -> Table {
    let columns = ["edge", "CPU a request, µs", "ratio", "the filter adds, µs", "× the empty one"];
    let mut table = Table::new("Envoy's CPU time for a request that is accepted", &columns);
    let base = of(edges, all, &Edge::WithoutFilter);
    let empty = difference(of(edges, all, &Edge::Empty), base);
    for ((edge, _), series) in edges.running.iter().zip(all) {
        let mut figures =
            vec![format!("{:.1}", median(series.iter().copied())), format!("{:.2}", ratio(series, base))];
        if *edge != Edge::WithoutFilter {
            let added = difference(series, base);
            figures.extend([format!("{added:.1}"), format!("{:.2}", added / empty)]);
        }
        table.row(edge, figures);
    }
    table
}

fn policy(edges: &Edges, all: &[Series]) -> Table {
    let columns = ["filter", "adds, µs", "adds, % of Envoy's CPU time"];
    let mut table = Table::new("What the full policy adds to the filter as shipped", &columns);
    for filter in [Filter::Wasm, Filter::Native] {
        let (full, shipped) =
            (of(edges, all, &Edge::FullPolicy(filter)), of(edges, all, &Edge::AsShipped(filter)));
        let percent = (ratio(full, shipped) - 1.0) * 100.0;
        table
            .row(filter.as_str(), vec![format!("{:.1}", difference(full, shipped)), format!("{percent:.1}")]);
    }
    table
}
