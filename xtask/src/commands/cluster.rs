//! `cargo xtask cluster`: a bridge with a cluster of three brokers, of which one is killed.

use std::process::Command;

use clap::ValueEnum;
use rig::{Result, build, command, repo, tools};

/// What `cluster` is told.
#[derive(clap::Args)]
pub(crate) struct Cluster {
    /// The plugin with which the nodes form a cluster
    #[arg(long, value_enum, default_value_t = Plugin::Broadcast)]
    plugin: Plugin,
    /// The node that is killed
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=3))]
    kill: u8,
    /// How long requests are sent before the kill, and twice as long after it
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
}

/// A cluster plugin of RMQTT.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Plugin {
    /// rmqtt-cluster-broadcast
    Broadcast,
    /// rmqtt-cluster-raft, which takes many minutes to build
    Raft,
}

// === impl Cluster ===

impl Cluster {
    pub(crate) fn run(self) -> Result<()> {
        let toolchain = tools::wasm_toolchain()?;
        println!("envoy: {}", repo::shown(&tools::envoy()?));
        println!("filter: {}", repo::shown(&build::filter(toolchain)?));
        println!("bridge: {}", repo::shown(&build::bridge()?));
        let plugin = match self.plugin {
            Plugin::Broadcast => "broadcast",
            Plugin::Raft => "raft",
        };
        println!("broker: {}", repo::shown(&build::cluster_node(plugin)?));
        let mut cargo = Command::new("cargo");
        cargo.args(["run", "--quiet", "--package", "end-to-end", "--bin", "cluster"]);
        cargo.env("POSTMQTT_CLUSTER_PLUGIN", plugin);
        cargo.env("POSTMQTT_CLUSTER_KILL", self.kill.to_string());
        cargo.env("POSTMQTT_CLUSTER_SECONDS", self.seconds.to_string());
        command::run(cargo.current_dir(repo::root()))
    }
}
