//! Sending a workload to an edge, and what h2load and the kernel say about it.

use std::time::Duration;

use rig::stack::Stack;
use rig::{Error, Result};

use crate::h2load::H2load;
use crate::workload::Workload;

/// Sends workloads to the edges of a stack.
pub(super) struct Load<'a> {
    h2load: H2load,
    stack: &'a Stack,
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
    pub(super) fn new(h2load: H2load, stack: &'a Stack) -> Self {
        Self { h2load, stack }
    }

    /// Sends all requests, and fails where one has not the answer that is due.
    pub(super) fn send(&self, workload: &Workload, port: u16) -> Result<Round> {
        let envoy = self.stack.envoy();
        // Millions of lines otherwise.
        envoy.empty_log()?;
        let cpu_times = || envoy.cpu_time().zip(self.stack.bridge().cpu_time());
        let cpu_before = cpu_times();
        let sent = self.h2load.send(workload, port, workload.due());
        let sent = sent.map_err(|error| error.with_log(envoy.log_tail()))?;
        let (after, before) = cpu_times().zip(cpu_before).ok_or_else(|| {
            Error::new("The system does not say how much processor time Envoy and the bridge used.")
        })?;
        Ok(Round {
            requests_per_second: f64::from(workload.requests) / sent.elapsed.as_secs_f64(),
            latencies: sent.latencies,
            envoy_per_message: after.0.saturating_sub(before.0) / workload.messages(),
            bridge_per_message: after.1.saturating_sub(before.1) / workload.messages(),
        })
    }
}
