//! What a bridge costs, beside programs that do one half of its work each: a bare MQTT client publishes to the same broker, an
//! empty HTTP server answers the same requests.
//!
//! What is measured is on one core; broker and load are on another. The three take turns within a round.

use std::process::Command;
use std::time::Duration;

use rig::stack::{Mosquitto, Server};
use rig::{Error, Result, command, repo};

use crate::h2load::H2load;
use crate::report::Report;
use crate::run::Run;
use crate::stats::{median, ratio};
use crate::table::Table;
use crate::workload::Workload;

/// What is compared, running.
struct Programs<'a> {
    run: &'a Run,
    h2load: H2load,
    broker: Server,
    bridge: Server,
    empty_server: Server,
}

/// What one program showed, a value for each round.
#[derive(Default)]
struct Series {
    per_second: Vec<f64>,
    /// In microseconds a message.
    cpu: Vec<f64>,
}

/// The bare client keeps as many messages in flight as there are connections.
const MESSAGES: u32 = 20_000;

pub(crate) fn measure(run: &Run) -> Result<Report> {
    let programs = Programs::start(run)?;
    programs.bridge()?;
    programs.empty_server()?;
    let [mut client, mut server, mut bridge] = [(); 3].map(|()| Series::default());
    for _ in 0..run.rounds {
        client.push(programs.bare_client()?);
        server.push(programs.empty_server()?);
        bridge.push(programs.bridge()?);
    }
    Ok(Report::new(vec![table(&client, &server, &bridge)]).plot("bridge.svg", 2))
}

// === impl Programs ===

impl<'a> Programs<'a> {
    fn start(run: &'a Run) -> Result<Self> {
        // By default Mosquitto lets a client have 20 messages in flight.
        let mosquitto = Mosquitto::new().setting("max_inflight_messages 0");
        let broker = run.others.mosquitto("bench/broker", &mosquitto)?;
        broker.service.start()?;
        let bridge = run.measured.bridge("bench/bridge", broker.port)?;
        bridge.service.start()?;
        let empty_server = Run::start_empty_server(run.measured, "bench/empty-server")?;
        let h2load = run.h2load("bench/bridge").on(run.others);
        Ok(Self { run, h2load, broker, bridge, empty_server })
    }

    fn bridge(&self) -> Result<(Duration, Duration, u32)> {
        self.send(&self.bridge, Workload::CROWD.due())
    }

    fn empty_server(&self) -> Result<(Duration, Duration, u32)> {
        self.send(&self.empty_server, 204)
    }

    /// How long the workload took, how much of it the server had the processor, and the number of messages.
    fn send(&self, server: &Server, due: u16) -> Result<(Duration, Duration, u32)> {
        let unknown = || Error::new("The system does not say how much processor time a program used.");
        let before = server.service.cpu_time().ok_or_else(unknown)?;
        let sent = self.h2load.send(&Workload::CROWD, server.port, due);
        let sent = sent.map_err(|error| error.with_log(server.service.log_tail()))?;
        let used = server.service.cpu_time().ok_or_else(unknown)?.saturating_sub(before);
        Ok((sent.elapsed, used, Workload::CROWD.requests))
    }

    fn bare_client(&self) -> Result<(Duration, Duration, u32)> {
        let mut client = Command::new(repo::baseline("bare-client"));
        client.args([self.broker.port.to_string(), Workload::CROWD.connections.to_string()]);
        client.arg(MESSAGES.to_string());
        let printed = command::output(&mut self.run.measured.pin(&client))?;
        let nanoseconds: Vec<u64> = printed.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [elapsed, cpu] = nanoseconds[..] else {
            return Err(Error::new("The bare client does not print what it took.").with_log(printed));
        };
        Ok((Duration::from_nanos(elapsed), Duration::from_nanos(cpu), MESSAGES))
    }
}

// === impl Series ===

impl Series {
    fn push(&mut self, (elapsed, cpu, messages): (Duration, Duration, u32)) {
        self.per_second.push(f64::from(messages) / elapsed.as_secs_f64());
        self.cpu.push(cpu.as_secs_f64() * 1e6 / f64::from(messages));
    }
}

fn table(client: &Series, server: &Series, bridge: &Series) -> Table {
    let both: Vec<f64> = client.cpu.iter().zip(&server.cpu).map(|(client, server)| client + server).collect();
    let columns = ["program", "a second", "CPU each, µs", "× the bare client", "× client and server"];
    let title = format!("Publishes with QoS 1 and 256 bytes, {} at a time", Workload::CROWD.connections);
    let mut table = Table::new(title, &columns);
    let rate = |series: &Series| format!("{:.0}", median(series.per_second.iter().copied()));
    let mut row = |name: &str, rate: String, cpu: &[f64]| {
        let figures = [median(cpu.iter().copied()), ratio(cpu, &client.cpu), ratio(cpu, &both)];
        let [cpu, bare, both] = figures;
        table.row(name, vec![rate, format!("{cpu:.1}"), format!("{bare:.2}"), format!("{both:.2}")]);
    };
    row("a bare MQTT client (rumqttc)", rate(client), &client.cpu);
    row("an empty HTTP server (hyper), the same requests", rate(server), &server.cpu);
    row("client and server together", String::new(), &both);
    row("postmqtt-bridge", rate(bridge), &bridge.cpu);
    table
}
