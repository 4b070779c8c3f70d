//! Sending a workload with h2load.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rig::error::Context;
use rig::stack::Core;
use rig::{Error, Result, command};

use super::requests::Requests;
use super::workload::{Protocol, Workload};

/// The load generator.
#[derive(Clone, Debug)]
pub(super) struct H2load {
    program: PathBuf,
    /// Where it keeps what it sends and its log.
    directory: PathBuf,
    token: String,
    core: Option<Core>,
}

/// What it saw of one workload.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) elapsed: Duration,
    /// Of every request, from its start to the end of its answer, in microseconds.
    pub(super) latencies: Vec<u64>,
}

// === impl H2load ===

impl H2load {
    pub(super) fn new(program: &Path, directory: &Path, token: &str) -> Self {
        Self { program: program.into(), directory: directory.into(), token: token.to_owned(), core: None }
    }

    pub(super) fn on(self, core: Core) -> Self {
        Self { core: Some(core), ..self }
    }

    /// Sends a workload as [`send_all`](Self::send_all).
    pub(super) fn send(&self, workload: &Workload, port: u16, due: u16) -> Result<Sent> {
        self.send_all(&Requests::of(workload, &self.token), port, due)
    }

    /// Sends all requests, and fails where one has not the answer that is due: an error would be a fast answer.
    pub(super) fn send_all(&self, requests: &Requests, port: u16, due: u16) -> Result<Sent> {
        let log = self.file("requests.tsv");
        // h2load appends to it.
        write(&log, "")?;
        let mut command = self.command(requests, port, &log)?;
        if let Some(core) = self.core {
            command = core.pin(&command);
        }
        let start = Instant::now();
        command::output(&mut command)?;
        let elapsed = start.elapsed();
        let text = fs::read_to_string(&log).context(|| format!("{} cannot be read", log.display()))?;
        let latencies = latencies(&text, due);
        if latencies.len() == requests.count as usize {
            return Ok(Sent { elapsed, latencies });
        }
        let (count, name, answered) = (requests.count, &requests.name, latencies.len());
        Err(Error::new(format!("Of {count} requests ({name}) {answered} were answered {due}.")))
    }

    fn command(&self, requests: &Requests, port: u16, log: &Path) -> Result<Command> {
        let payload = self.file("payload");
        write(&payload, &requests.payload)?;
        let urls = self.file("urls");
        let url = |target: &String| format!("http://127.0.0.1:{port}{target}\n");
        write(&urls, &requests.targets.iter().map(url).collect::<String>())?;
        let mut h2load = Command::new(&self.program);
        h2load.args(["--requests", &requests.count.to_string()]);
        h2load.args(["--clients", &requests.connections.to_string()]);
        // A server that does not answer is an error, and not a run without an end.
        h2load.args(["--connection-inactivity-timeout", "60"]);
        if requests.protocol == Protocol::Http1 {
            h2load.arg("--h1");
        }
        h2load.arg("--data").arg(payload).arg("--input-file").arg(urls).arg("--log-file").arg(log);
        for (name, value) in &requests.headers {
            h2load.args(["--header", &format!("{name}: {value}")]);
        }
        Ok(h2load)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).context(|| format!("{} cannot be written", path.display()))
}

/// Reads h2load's log: when each request began, the status of its answer, how long it took. Other answers are left out.
fn latencies(log: &str, due: u16) -> Vec<u64> {
    let due = due.to_string();
    let latency = |line: &str| {
        let mut columns = line.split('\t').skip(1);
        columns.next().filter(|status| *status == due)?;
        columns.next()?.parse().ok()
    };
    log.lines().filter_map(latency).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answers_that_are_due_count() {
        let log = "1764141234567890\t204\t812\n1764141234567899\t400\t90\n1764141234567999\t204\t1033\n";
        assert_eq!(latencies(log, 204), [812, 1033]);
    }
}
