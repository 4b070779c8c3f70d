//! `cargo xtask soak`: what takes too long for `cargo xtask test`.

use std::process::Command;

use rig::{Result, build, command, repo, tools};

/// What `soak` is told.
#[derive(clap::Args)]
pub(crate) struct Soak {
    /// Run with random faults for this many minutes instead: broker, network, TLS and bridges fail, and the ledger of requests
    /// and messages has to balance
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..=1440))]
    faults: Option<u64>,
    /// Repeat the faults of the run that had this seed
    #[arg(long, requires = "faults")]
    seed: Option<u64>,
}

// === impl Soak ===

impl Soak {
    pub(crate) fn run(self) -> Result<()> {
        let toolchain = tools::wasm_toolchain()?;
        println!("envoy: {}", repo::shown(&tools::envoy()?));
        println!("mosquitto: {}", repo::shown(&tools::mosquitto()?));
        println!("filter: {}", repo::shown(&build::filter(toolchain)?));
        println!("bridge: {}", repo::shown(&build::bridge()?));
        match self.faults {
            Some(minutes) => with_faults(minutes, self.seed),
            None => without_faults(),
        }
    }
}

fn with_faults(minutes: u64, seed: Option<u64>) -> Result<()> {
    // Without it, the run has the other faults, and says so.
    if let Err(error) = tools::nft() {
        println!("{error}");
    }
    let mut cargo = cargo(&["run", "--quiet", "--package", "end-to-end", "--bin", "soak-faults"]);
    cargo.env("POSTMQTT_SOAK_SECONDS", (minutes * 60).to_string());
    if let Some(seed) = seed {
        cargo.env("POSTMQTT_SOAK_SEED", seed.to_string());
    }
    command::run(&mut cargo)
}

fn without_faults() -> Result<()> {
    command::run(&mut cargo(&["run", "--quiet", "--package", "end-to-end", "--bin", "soak"]))?;
    let mut memory = cargo(&["test", "--quiet", "--package", "wasm-host", "--test", "filter", "memory"]);
    command::run(memory.env("POSTMQTT_SOAK_REQUESTS", "1000000"))
}

fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).current_dir(repo::root());
    cargo
}
