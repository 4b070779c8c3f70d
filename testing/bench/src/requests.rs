//! Requests of one kind, as a load generator sends them.

use crate::workload::{Protocol, Workload};

/// What is sent, how often, and over how many connections.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    /// What they are, for messages.
    pub(crate) name: String,
    pub(crate) count: u32,
    /// The number of connections, each with one request at a time.
    pub(crate) connections: u32,
    pub(crate) protocol: Protocol,
    /// Paths and queries, used in turn.
    pub(crate) targets: Vec<String>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) payload: String,
}

// === impl Requests ===

impl Requests {
    /// Those of a workload, with this token.
    pub(crate) fn of(workload: &Workload, token: &str) -> Self {
        let mut headers = vec![("authorization", format!("Bearer {token}"))];
        headers.extend(workload.headers());
        Self {
            name: workload.to_string(),
            count: workload.requests,
            connections: workload.connections,
            protocol: workload.protocol(),
            targets: workload.targets(),
            headers,
            payload: workload.payload(),
        }
    }

    /// One of them.
    pub(crate) fn one(&self) -> Self {
        Self { count: 1, connections: 1, ..self.clone() }
    }
}
