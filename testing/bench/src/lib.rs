//! `cargo xtask bench`: what postmqtt costs, side by side with what it is compared with, in one run.

mod bridge;
mod config;
mod document;
mod edges;
mod h2load;
mod machine;
mod peers;
mod plot;
mod replies;
mod report;
mod requests;
mod run;
mod start;
mod stats;
mod table;
mod whole_path;
mod workload;

use std::path::PathBuf;

use document::Document;
use report::Report;
use rig::dev::token::Token;
use rig::stack::{Core, end_on_ctrl_c};
use rig::{Error, Result, build, repo, tools};
use run::Run;

/// What `bench` is told.
#[derive(clap::Args)]
pub struct Bench {
    /// What is measured; everything if nothing is named
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// How often each edge or program gets each workload
    #[arg(long, default_value_t = 15, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Another filter, of another version, to compare with the one that is built: a .wasm or a .so
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Measures the part "peers" too, for which Node-RED is fetched from npm and RabbitMQ is installed
    #[arg(long)]
    peers: bool,
    /// Measures RMQTT with the part "peers", which takes minutes to build
    #[arg(long)]
    rmqtt: bool,
    /// Writes the tables and plots into docs/performance.md
    #[arg(long, conflicts_with = "against")]
    write: bool,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// What a filter adds to Envoy's CPU time
    Edges,
    /// What a bridge costs, beside a bare MQTT client and an empty HTTP server
    Bridge,
    /// Commands that wait for their reply, through a bridge, beside a bare MQTT client
    Replies,
    /// How long Envoy takes to start
    Start,
    /// CPU times, latencies and rates with a real bridge and broker
    WholePath,
    /// Other programs from HTTP to MQTT, Node-RED and RabbitMQ, beside a bridge; only if it is named, or with --peers
    Peers,
}

// === impl Bench ===

impl Bench {
    /// Measures, and prints tables.
    ///
    /// # Errors
    /// Returns an error if a program is missing, does not start, or answers otherwise than expected.
    pub fn run(self) -> Result<()> {
        let mut parts = if self.parts.is_empty() { Part::USUAL.to_vec() } else { self.parts.clone() };
        if self.peers && !parts.contains(&Part::Peers) {
            parts.push(Part::Peers);
        }
        let document = self.write.then(Document::of_this_repository);
        let run = self.prepare(&parts)?;
        let how = machine::describe(run.rounds)?;
        end_on_ctrl_c()?;
        for part in parts {
            let report = part.measure(&run)?;
            println!("\n{report}");
            // One by one: a part that fails does not lose the ones before it.
            if let Some(document) = &document {
                document.write(part.section(), &how, &report)?;
            }
        }
        Ok(())
    }

    /// Builds what is measured and finds the other programs.
    fn prepare(self, parts: &[Part]) -> Result<Run> {
        let against = self.against.map(|filter| {
            let found = filter.canonicalize();
            found.map_err(|error| Error::new(format!("{} cannot be found: {error}.", filter.display())))
        });
        let (measured, others) = Core::two()?;
        let toolchain = tools::wasm_toolchain()?;
        println!("envoy: {}", repo::shown(&tools::envoy()?));
        let h2load = tools::h2load()?;
        println!("h2load: {}", repo::shown(&h2load));
        println!("filter: {}", repo::shown(&build::filter(toolchain)?));
        println!("native filter: {}", repo::shown(&build::native_filter()?));
        println!("empty filter: {}", repo::shown(&build::empty_filter(toolchain)?));
        if parts.iter().any(|part| part.has_bridge()) {
            println!("mosquitto: {}", repo::shown(&tools::mosquitto()?));
            println!("bridge: {}", repo::shown(&build::release_bridge()?));
        }
        if parts.contains(&Part::Peers) {
            println!("node-red: {}", repo::shown(&tools::node_red()?));
            println!("rabbitmq: {}", repo::shown(&tools::rabbitmq()?.server));
            if self.rmqtt {
                println!("rmqtt: {}", repo::shown(&build::http_node()?));
            }
            println!("subscriber: {}", repo::shown(&tools::mosquitto_sub()?));
        }
        build::baselines()?;
        Ok(Run {
            rounds: self.rounds,
            against: against.transpose()?,
            rmqtt: self.rmqtt,
            measured,
            others,
            h2load,
            token: Token::default().sign()?,
        })
    }
}

// === impl Part ===

impl Part {
    /// What is measured if nothing is named.
    const USUAL: [Self; 5] = [Self::Edges, Self::Bridge, Self::Replies, Self::Start, Self::WholePath];

    /// Whether a bridge and a broker are needed.
    const fn has_bridge(self) -> bool {
        matches!(self, Self::Bridge | Self::Replies | Self::WholePath | Self::Peers)
    }

    /// The name of its section in the document.
    const fn section(self) -> &'static str {
        match self {
            Self::Edges => "edges",
            Self::Bridge => "bridge",
            Self::Replies => "replies",
            Self::Start => "start",
            Self::WholePath => "whole-path",
            Self::Peers => "peers",
        }
    }

    fn measure(self, run: &Run) -> Result<Report> {
        match self {
            Self::Edges => edges::measure(run),
            Self::Bridge => bridge::measure(run),
            Self::Replies => replies::measure(run),
            Self::Start => start::measure(run),
            Self::WholePath => whole_path::measure(run),
            Self::Peers => peers::measure(run),
        }
    }
}
