//! One run of the benchmarks: what all parts of it share.

use std::path::PathBuf;
use std::process::Command;

use rig::stack::{Core, Server};
use rig::{Result, repo};

use crate::h2load::H2load;

/// What a part of the benchmark is given.
pub(crate) struct Run {
    pub(crate) rounds: u32,
    /// Another filter, to compare with.
    pub(crate) against: Option<PathBuf>,
    /// Whether RMQTT is one of the peers.
    pub(crate) rmqtt: bool,
    /// The core of the program that is measured.
    pub(crate) measured: Core,
    /// The core of all others.
    pub(crate) others: Core,
    pub(crate) h2load: PathBuf,
    pub(crate) token: String,
}

// === impl Run ===

impl Run {
    /// A load generator that keeps its files in the run directory of this name.
    pub(crate) fn h2load(&self, directory: &str) -> H2load {
        H2load::new(&self.h2load, &repo::run(directory), &self.token)
    }

    /// The HTTP server that does nothing.
    pub(crate) fn start_empty_server(core: Core, directory: &str) -> Result<Server> {
        let server = core.program(directory, "empty-server", |port| {
            let mut command = Command::new(repo::baseline("empty-server"));
            command.arg(port.to_string());
            command
        })?;
        server.service.start()?;
        Ok(server)
    }
}
