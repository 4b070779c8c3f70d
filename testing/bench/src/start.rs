//! How long Envoy takes from the start of its process until it has answered a request.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rig::filter::Filter;
use rig::stack::Server;
use rig::{Error, Result, example};

use crate::edges::Edge;
use crate::report::Report;
use crate::run::Run;
use crate::stats::{difference, median};
use crate::table::Table;

/// What one edge took, in milliseconds, in each round.
#[derive(Clone, Debug, Default)]
struct Series {
    elapsed: Vec<f64>,
    cpu: Vec<f64>,
}

/// How often it is tried.
const INTERVAL: Duration = Duration::from_millis(1);
/// Slow machines are slow.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn measure(run: &Run) -> Result<Report> {
    let upstream = Run::start_empty_server(run.others, "bench/start")?;
    let edges = [Edge::WithoutFilter, Edge::AsShipped(Filter::Wasm), Edge::AsShipped(Filter::Native)];
    let mut servers = Vec::new();
    for (number, edge) in edges.iter().enumerate() {
        let configured = edge.clone();
        let change = move |config: &mut _| configured.configure(config);
        let name = format!("bench/start-{number}");
        servers.push(run.measured.envoy(&name, &edge.filter(), upstream.port, change)?);
    }
    let request = request(&run.token);
    let mut all: Vec<Series> = vec![Series::default(); servers.len()];
    // The first start of each also reads files that no one has read yet.
    for server in &servers {
        until_first_answer(server, &request)?;
    }
    for _ in 0..run.rounds {
        for (server, series) in servers.iter().zip(&mut all) {
            let (elapsed, cpu) = until_first_answer(server, &request)?;
            series.elapsed.push(elapsed.as_secs_f64() * 1e3);
            series.cpu.push(cpu.as_secs_f64() * 1e3);
        }
    }
    let columns = ["edge", "ms", "the filter adds, ms", "CPU, ms", "the filter adds, ms"];
    let mut table = Table::new("From the start of Envoy to its first answered request", &columns);
    for (edge, series) in edges.iter().zip(&all) {
        let added = |of: &[f64], base: &[f64]| match edge {
            Edge::WithoutFilter => String::new(),
            _ => format!("{:.0}", difference(of, base)),
        };
        let total = |of: &[f64]| format!("{:.0}", median(of.iter().copied()));
        let Series { elapsed, cpu } = series;
        let (added_elapsed, added_cpu) = (added(elapsed, &all[0].elapsed), added(cpu, &all[0].cpu));
        table.row(edge, vec![total(elapsed), added_elapsed, total(cpu), added_cpu]);
    }
    Ok(Report::new(vec![table]).plot("start.svg", 1))
}

/// Starts it, asks until it has answered, and ends it: how long that took, and how much processor time.
fn until_first_answer(server: &Server, request: &str) -> Result<(Duration, Duration)> {
    let start = Instant::now();
    server.service.launch()?;
    while !is_published(server.port, request).unwrap_or(false) {
        if start.elapsed() > PATIENCE || !server.service.is_running() {
            return Err(Error::new("Envoy did not publish in time.").with_log(server.service.log_tail()));
        }
        sleep(INTERVAL);
    }
    let (elapsed, cpu) = (start.elapsed(), server.service.cpu_time());
    server.service.kill();
    let cpu = cpu.ok_or_else(|| Error::new("The system does not say how much processor time Envoy used."))?;
    Ok((elapsed, cpu))
}

/// Whether a request is answered 204.
fn is_published(port: u16, request: &str) -> std::io::Result<bool> {
    const PUBLISHED: &[u8] = b"HTTP/1.1 204";
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.write_all(request.as_bytes())?;
    let mut status = [0; PUBLISHED.len()];
    match connection.read_exact(&mut status) {
        Ok(()) => Ok(status == PUBLISHED),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The documentation's example.
fn request(token: &str) -> String {
    let fields: String =
        example::HEADERS.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (target, payload) = (example::PATH_AND_QUERY, example::PAYLOAD);
    format!(
        "POST {target} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n{fields}content-length: {}\r\n\r\n{payload}",
        payload.len()
    )
}
