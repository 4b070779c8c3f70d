//! Sending a workload with h2load, and what it and the kernel say about it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rig::error::Context;
use rig::stack::Stack;
use rig::{Error, Result, command};

use super::workload::{Protocol, Workload};

/// Sends workloads to the edges of a stack.
pub(super) struct Load<'a> {
    h2load: PathBuf,
    stack: &'a Stack,
    token: String,
}

/// What one workload showed at one edge, once.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) requests_per_second: f64,
    /// Of every request, from its start to the end of its answer, in microseconds.
    pub(super) latencies: Vec<u64>,
    /// What all threads of Envoy used, divided by the messages.
    pub(super) envoy_per_message: Duration,
    /// What all threads of the bridge used, divided by the messages.
    pub(super) bridge_per_message: Duration,
}

// === impl Load ===

impl<'a> Load<'a> {
    pub(super) fn new(h2load: PathBuf, stack: &'a Stack, token: String) -> Self {
        Self { h2load, stack, token }
    }

    /// Sends all requests, and fails where one has not the answer that is due: an error would be a fast answer.
    pub(super) fn send(&self, workload: &Workload, port: u16) -> Result<Round> {
        let envoy = self.stack.envoy();
        // Millions of lines otherwise.
        envoy.empty_log()?;
        let log = self.file("requests.tsv");
        // h2load appends to it.
        fs::write(&log, "").context(|| format!("{} cannot be written", log.display()))?;
        let mut h2load = self.command(workload, port, &log)?;

        let cpu_times = || envoy.cpu_time().zip(self.stack.bridge().cpu_time());
        let (cpu_before, start) = (cpu_times(), Instant::now());
        command::output(&mut h2load)?;
        let (elapsed, cpu_after) = (start.elapsed(), cpu_times());

        let (after, before) = cpu_after.zip(cpu_before).ok_or_else(|| {
            Error::new("The system does not say how much processor time Envoy and the bridge used.")
        })?;
        Ok(Round {
            requests_per_second: f64::from(workload.requests) / elapsed.as_secs_f64(),
            latencies: self.latencies(&log, workload)?,
            envoy_per_message: after.0.saturating_sub(before.0) / workload.messages(),
            bridge_per_message: after.1.saturating_sub(before.1) / workload.messages(),
        })
    }

    fn command(&self, workload: &Workload, port: u16, log: &Path) -> Result<Command> {
        let payload = self.file("payload");
        fs::write(&payload, workload.payload())
            .context(|| format!("{} cannot be written", payload.display()))?;
        let urls = self.file("urls");
        let url = |target: String| format!("http://127.0.0.1:{port}{target}\n");
        fs::write(&urls, workload.targets().into_iter().map(url).collect::<String>())
            .context(|| format!("{} cannot be written", urls.display()))?;
        let mut h2load = Command::new(&self.h2load);
        h2load.args(["--requests", &workload.requests.to_string()]);
        h2load.args(["--clients", &workload.connections.to_string()]);
        if workload.protocol() == Protocol::Http1 {
            h2load.arg("--h1");
        }
        h2load.arg("--data").arg(payload).arg("--input-file").arg(urls).arg("--log-file").arg(log);
        h2load.args(["--header", &format!("authorization: Bearer {}", self.token)]);
        for (name, value) in workload.headers() {
            h2load.args(["--header", &format!("{name}: {value}")]);
        }
        Ok(h2load)
    }

    /// Reads h2load's log: when each request began, the status of its answer, how long it took.
    fn latencies(&self, log: &Path, workload: &Workload) -> Result<Vec<u64>> {
        let text = fs::read_to_string(log).context(|| format!("{} cannot be read", log.display()))?;
        let due = workload.due().to_string();
        let latencies: Vec<u64> = text
            .lines()
            .filter_map(|line| {
                let mut columns = line.split('\t').skip(1);
                columns.next().filter(|status| *status == due)?;
                columns.next()?.parse().ok()
            })
            .collect();
        if latencies.len() == workload.requests as usize {
            return Ok(latencies);
        }
        Err(Error::new(format!(
            "Of {} requests ({workload}) {} were answered {due}; this is the end of the access log:",
            workload.requests,
            latencies.len()
        ))
        .with_log(self.stack.envoy().log_tail()))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.stack.directory().join(name)
    }
}
