//! What commands that wait for their reply cost a bridge, beside a bare MQTT client that does the same on the same broker with the
//! same device (`request_reply`, an example of mqtt-sessions, is both), and beside health checks: the bridge's HTTP alone.
//!
//! What is measured is on one core; broker, device and load are on another. They take turns within a round.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rig::error::Context;
use rig::stack::{Mosquitto, Server};
use rig::{Error, Result, command, repo};

use crate::report::Report;
use crate::run::Run;
use crate::stats::{median, percentile, ratio};
use crate::table::Table;

/// Round trips in one round.
#[derive(Clone, Copy)]
struct Load {
    /// How many wait at a time.
    waiting: u32,
    count: u32,
}

/// What one caller showed, a value for each round.
#[derive(Default)]
struct Series {
    per_second: Vec<f64>,
    /// In milliseconds.
    p99: Vec<f64>,
    /// In microseconds for each round trip.
    cpu: Vec<f64>,
}

/// What one round showed: round trips a second, the 99th percentile, CPU time.
type Sample = [f64; 3];

/// A program that answers commands, until it is dropped.
struct Device(Child);

/// What is compared, running.
struct Programs<'a> {
    run: &'a Run,
    bare_client: PathBuf,
    broker: Server,
    bridge: Server,
    _device: Device,
}

const LOADS: [Load; 3] = [
    Load { waiting: 1, count: 5_000 },
    Load { waiting: 64, count: 20_000 },
    Load { waiting: 1_000, count: 20_000 },
];

/// How many streams an HTTP/2 connection of the load has at most.
const STREAMS: u32 = 100;

/// The payload of each command, in bytes. The bare client's are as long.
const PAYLOAD: usize = 256;

/// Where the bridge has its log, and the load its files.
const DIRECTORY: &str = "bench/replies";

pub(crate) fn measure(run: &Run) -> Result<Report> {
    let programs = Programs::start(run)?;
    programs.bridge(Load { waiting: 64, count: 5_000 })?;
    let columns = ["caller", "a second", "p99, ms", "CPU each, µs", "× the bare client"];
    let mut tables = Vec::new();
    for load in LOADS {
        let [mut client, mut bridge, mut health] = [(); 3].map(|()| Series::default());
        for _ in 0..run.rounds {
            client.push(programs.bare_client(load)?);
            bridge.push(programs.bridge(load)?);
            health.push(programs.health(load)?);
        }
        let title = format!("Commands and replies with QoS 1 and 256 bytes, {} waiting", load.waiting);
        let mut table = Table::new(title, &columns);
        table.row("a bare MQTT client (rumqttc)", client.figures(&client));
        table.row("postmqtt-bridge, over HTTP/2", bridge.figures(&client));
        table.row("health checks of the bridge, over HTTP/2", health.figures(&client));
        tables.push(table);
    }
    Ok(Report::new(tables))
}

// === impl Series ===

impl Series {
    fn push(&mut self, [per_second, p99, cpu]: Sample) {
        self.per_second.push(per_second);
        self.p99.push(p99);
        self.cpu.push(cpu);
    }

    fn figures(&self, client: &Self) -> Vec<String> {
        let median = |values: &[f64]| median(values.iter().copied());
        let [rate, p99, cpu] = [&self.per_second, &self.p99, &self.cpu].map(|values| median(values));
        let ratio = ratio(&self.cpu, &client.cpu);
        vec![format!("{rate:.0}"), format!("{p99:.2}"), format!("{cpu:.1}"), format!("{ratio:.2}")]
    }
}

// === impl Device ===

impl Device {
    /// Returns once it has subscribed.
    fn start(mut command: Command) -> Result<Self> {
        let failed = || "The device cannot be started".to_owned();
        let mut device = Self(command.stdout(Stdio::piped()).spawn().context(failed)?);
        let mut line = String::new();
        if let Some(stdout) = device.0.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).context(failed)?;
        }
        if line.trim() == "subscribed" {
            Ok(device)
        } else {
            Err(Error::new("The device did not subscribe."))
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

// === impl Programs ===

impl<'a> Programs<'a> {
    fn start(run: &'a Run) -> Result<Self> {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--locked", "--release", "--package", "mqtt-sessions"]);
        command::run(cargo.args(["--example", "request_reply"]).current_dir(repo::root()))?;
        let bare_client = repo::target().join("release").join("examples").join("request_reply");
        // By default Mosquitto lets a client have 20 messages in flight.
        let mosquitto = Mosquitto::new().setting("max_inflight_messages 0");
        let broker = run.others.mosquitto("bench/replies-broker", &mosquitto)?;
        broker.service.start()?;
        let bridge = run.measured.bridge(DIRECTORY, broker.port)?;
        bridge.service.start()?;
        let mut device = Command::new(&bare_client);
        device.args(["device", &broker.port.to_string()]);
        let device = Device::start(run.others.pin(&device))?;
        Ok(Self { run, bare_client, broker, bridge, _device: device })
    }

    fn bare_client(&self, load: Load) -> Result<Sample> {
        let mut client = Command::new(&self.bare_client);
        client.args(["client", &self.broker.port.to_string()]);
        client.args([load.waiting.to_string(), load.count.to_string()]);
        let printed = command::output(&mut self.run.measured.pin(&client))?;
        let numbers: Vec<f64> = printed.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let told = Sample::try_from(numbers);
        told.map_err(|_| Error::new("The bare client does not print what it took.").with_log(printed))
    }

    fn bridge(&self, load: Load) -> Result<Sample> {
        let payload = repo::run(DIRECTORY).join("payload");
        fs::write(&payload, "x".repeat(PAYLOAD))
            .context(|| format!("{} cannot be written", payload.display()))?;
        let mut h2load = Command::new(&self.run.h2load);
        h2load.arg("--data").arg(payload).args(["--header", "prefer: wait=20"]);
        self.send(h2load, load, "/mqtt/messages?topic=bench%2Fcommand")
    }

    fn health(&self, load: Load) -> Result<Sample> {
        self.send(Command::new(&self.run.h2load), load, "/healthz")
    }

    /// Sends requests to the bridge, and fails where one is not answered 200.
    fn send(&self, mut h2load: Command, load: Load, target: &str) -> Result<Sample> {
        let log = repo::run(DIRECTORY).join("requests.tsv");
        // h2load appends to it.
        fs::write(&log, "").context(|| format!("{} cannot be written", log.display()))?;
        let (connections, streams) = (load.waiting.div_ceil(STREAMS), load.waiting.min(STREAMS));
        h2load.args(["--requests", &load.count.to_string(), "--clients", &connections.to_string()]);
        h2load.args(["--max-concurrent-streams", &streams.to_string()]).arg("--log-file").arg(&log);
        h2load.args(["--connection-inactivity-timeout", "60"]);
        h2load.arg(format!("http://127.0.0.1:{}{target}", self.bridge.port));
        let unknown = || Error::new("The system does not say how much processor time the bridge used.");
        let (before, start) = (self.bridge.service.cpu_time().ok_or_else(unknown)?, Instant::now());
        command::output(&mut self.run.others.pin(&h2load))?;
        let elapsed = start.elapsed().as_secs_f64();
        let used = self.bridge.service.cpu_time().ok_or_else(unknown)?.saturating_sub(before);
        let latencies = latencies(&log)?;
        if latencies.len() != load.count as usize {
            let answered = latencies.len();
            let error =
                Error::new(format!("Of {} requests to {target}, {answered} were answered 200.", load.count));
            return Err(error.with_log(self.bridge.service.log_tail()));
        }
        let count = f64::from(load.count);
        let p99 = std::time::Duration::from_micros(percentile(&latencies, 99));
        Ok([count / elapsed, p99.as_secs_f64() * 1e3, used.as_secs_f64() * 1e6 / count])
    }
}

/// The latencies of the answers with the status 200, in microseconds and sorted.
fn latencies(log: &Path) -> Result<Vec<u64>> {
    let text = fs::read_to_string(log).context(|| format!("{} cannot be read", log.display()))?;
    let latency = |line: &str| {
        let (_start, rest) = line.split_once('\t')?;
        rest.strip_prefix("200\t")?.parse().ok()
    };
    let mut latencies: Vec<u64> = text.lines().filter_map(latency).collect();
    latencies.sort_unstable();
    Ok(latencies)
}
