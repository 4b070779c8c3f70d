//! An RMQTT cluster of three nodes.

use std::path::Path;
use std::process::Command;

use super::ports;
use super::service::{Ready, Service};
use crate::error::{Context, Result};
use crate::{build, repo};

/// A running cluster. Its nodes end when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Service>,
    ports: Vec<u16>,
}

const NODES: usize = 3;

// === impl Cluster ===

impl Cluster {
    /// Builds the nodes' program if need be, and starts the nodes with this cluster plugin, `broadcast` or `raft`. The name is
    /// their directory's.
    ///
    /// # Errors
    /// Returns an error if the program cannot be built, or a node does not start.
    pub fn start(name: &str, plugin: &str) -> Result<Self> {
        let program = build::cluster_node(plugin)?;
        let directory = repo::run(name);
        std::fs::create_dir_all(&directory).context(|| format!("{} cannot be made", directory.display()))?;
        let ports = free_ports()?;
        let addresses = [listed(&ports), listed(&free_ports()?), listed(&free_ports()?)];
        let node = |index: usize, port: u16| node(index, port, &directory, &program, plugin, &addresses);
        let nodes: Vec<Service> = ports.iter().enumerate().map(|(index, port)| node(index, *port)).collect();
        nodes.iter().try_for_each(Service::start)?;
        Ok(Self { nodes, ports })
    }

    /// The nodes in their order.
    #[must_use]
    pub fn nodes(&self) -> &[Service] {
        &self.nodes
    }

    /// The MQTT port of each node.
    #[must_use]
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// All nodes, as the bridge's `--broker` takes them.
    #[must_use]
    pub fn url(&self) -> String {
        let urls: Vec<_> = self.ports.iter().map(|port| format!("mqtt://{}", ports::local(*port))).collect();
        urls.join(",")
    }
}

/// `addresses` are those of all nodes for MQTT, gRPC and Raft.
fn node(
    index: usize,
    port: u16,
    directory: &Path,
    program: &Path,
    plugin: &str,
    addresses: &[String],
) -> Service {
    let number = (index + 1).to_string();
    let words = [&[plugin.to_owned(), number.clone()], addresses].concat();
    let program = program.to_path_buf();
    Service::new(format!("node-{number}"), directory, Ready::Accepts(ports::local(port)), move || {
        let mut command = Command::new(&program);
        command.args(&words);
        command
    })
}

fn free_ports() -> Result<Vec<u16>> {
    (0..NODES).map(|_| ports::free()).collect()
}

fn listed(ports: &[u16]) -> String {
    let addresses: Vec<_> = ports.iter().map(|port| ports::local(*port).to_string()).collect();
    addresses.join(",")
}
