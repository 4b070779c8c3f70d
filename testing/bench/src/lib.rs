//! `cargo xtask bench`: what the filter costs in a real Envoy, before a real bridge and broker.
//!
//! One Envoy has a listener for each [`Edge`], which differ in their filters only. Every round sends each [`Workload`] to
//! each edge in turn, so that whatever else the machine does meanwhile happens to all of them alike; a ratio is that of
//! two edges in the same round.

mod edge;
mod load;
mod report;
mod workload;

use std::path::PathBuf;

use edge::Edge;
use load::{Load, Round};
use rig::dev::token::Token;
use rig::stack::{EnvoyConfig, Mosquitto, Stack, end_on_ctrl_c, free_port};
use rig::{Error, Result, build, repo, tools};
use workload::Workload;

/// What `bench` is told.
#[derive(clap::Args)]
pub struct Bench {
    /// How often each edge gets each workload
    #[arg(long, default_value_t = 7, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Another filter, of another version, to compare with the one that is built
    #[arg(long, value_name = "WASM")]
    against: Option<PathBuf>,
}

/// One edge and where it listens.
struct Listener {
    edge: Edge,
    port: u16,
}

// === impl Bench ===

impl Bench {
    /// Measures, and prints a table for each workload.
    ///
    /// # Errors
    /// Returns an error if a program is missing, does not start, or answers otherwise than expected.
    pub fn run(self) -> Result<()> {
        let toolchain = tools::wasm_toolchain()?;
        println!("envoy: {}", repo::shown(&tools::envoy()?));
        println!("mosquitto: {}", repo::shown(&tools::mosquitto()?));
        let h2load = tools::h2load()?;
        println!("h2load: {}", repo::shown(&h2load));
        println!("filter: {}", repo::shown(&build::filter(toolchain)?));
        println!("bridge: {}", repo::shown(&build::release_bridge()?));
        end_on_ctrl_c()?;

        let listeners = self.listeners()?;
        let stack = start(&listeners)?;
        let load = Load::new(h2load, &stack, Token::default().sign()?);
        for listener in &listeners {
            // Caches fill, connections are opened, and memory grows to the size that it keeps.
            load.send(&Workload::WARM_UP, listener.port)?;
        }
        let mut all: Vec<Vec<Vec<Round>>> = Vec::new();
        for workload in &Workload::ALL {
            println!("\n{workload}");
            let mut rounds: Vec<Vec<Round>> = listeners.iter().map(|_| Vec::new()).collect();
            for _ in 0..self.rounds {
                for (listener, rounds) in listeners.iter().zip(&mut rounds) {
                    rounds.push(load.send(workload, listener.port)?);
                }
            }
            let rows: Vec<_> = listeners.iter().map(|listener| &listener.edge).zip(&rounds).collect();
            report::print(&rows);
            all.push(rounds);
        }
        if let (Some(single), Some(batch)) = (all.get(Workload::SINGLE), all.get(Workload::BATCH)) {
            println!("\nEnvoy and the bridge together");
            for ((listener, single), batch) in listeners.iter().zip(single).zip(batch) {
                report::print_batch(&listener.edge, single, batch);
            }
        }
        Ok(())
    }

    fn listeners(&self) -> Result<Vec<Listener>> {
        let mut edges = vec![Edge::ProxyOnly, Edge::WithoutFilter, Edge::AsShipped, Edge::FullPolicy];
        if let Some(filter) = &self.against {
            let filter = filter
                .canonicalize()
                .map_err(|error| Error::new(format!("{} cannot be found: {error}.", filter.display())))?;
            edges.push(Edge::Against(filter));
        }
        edges.into_iter().map(|edge| Ok(Listener { edge, port: free_port()? })).collect()
    }
}

fn start(listeners: &[Listener]) -> Result<Stack> {
    let listeners: Vec<_> = listeners.iter().map(|listener| (listener.edge.clone(), listener.port)).collect();
    Stack::builder("bench")
        .mosquitto(Mosquitto::new())
        .bridge(repo::release_bridge())
        .envoy_config(move |config: &mut EnvoyConfig| {
            let listeners = listeners.iter().map(|(edge, port)| edge.listener(config, *port));
            let listeners: Vec<_> = listeners.collect();
            config.value()["static_resources"]["listeners"] = listeners.into();
        })
        .start()
}
