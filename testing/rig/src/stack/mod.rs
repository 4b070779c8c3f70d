//! The whole path on this machine: Envoy with the filter, bridges, and a broker, as child processes.
//!
//! ```no_run
//! use rig::stack::{Mosquitto, Stack};
//!
//! let stack = Stack::builder("an-example").mosquitto(Mosquitto::new()).start()?;
//! println!("POST {}/mqtt/messages?topic=a, subscribe at {}", stack.http_url(), stack.mqtt_port());
//! stack.broker().restart()?;
//! # Ok::<(), rig::Error>(())
//! ```
//!
//! Everything ends when the [`Stack`] is dropped, and when this process ends in whatever way. Logs and generated
//! configuration are in `target/run/<name>/`; a panicking thread that drops its stack prints the ends of the logs.

mod alone;
mod bridge;
mod broker;
mod builder;
mod cluster;
mod envoy;
mod envoy_config;
mod mosquitto;
mod ports;
mod process;
mod prometheus;
mod rabbitmq;
mod service;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use alone::{Core, Server};
pub use builder::Builder;
pub use cluster::Cluster;
pub use envoy_config::{EnvoyConfig, types};
pub use mosquitto::Mosquitto;
pub use ports::{free as free_port, is_free as port_is_free};
pub use process::end_on_ctrl_c;
pub use prometheus::Prometheus;
pub use rabbitmq::RabbitMq;
pub(crate) use service::Ready;
pub use service::Service;

use crate::error::{Error, Result};

/// A running stack.
#[derive(Debug)]
pub struct Stack {
    // In the order in which they end: the edge first.
    envoy: Service,
    bridges: Vec<Service>,
    broker: Option<Service>,
    ports: Ports,
    directory: PathBuf,
    certificate: PathBuf,
}

/// The ports of a stack, all of 127.0.0.1.
#[derive(Clone, Debug)]
struct Ports {
    http: u16,
    https: u16,
    admin: u16,
    stats: u16,
    mqtt: u16,
    bridges: Vec<u16>,
}

// === impl Stack ===

impl Stack {
    /// Describes a stack; the name is its directory's, so two that run at the same time need two names.
    #[must_use]
    pub fn builder(name: &str) -> Builder {
        Builder::new(name)
    }

    /// `http://127.0.0.1:<port>`: the edge.
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.http)
    }

    /// `https://localhost:<port>`: the edge over TLS, with the certificate at [`certificate`](Self::certificate).
    #[must_use]
    pub fn https_url(&self) -> String {
        format!("https://localhost:{}", self.ports.https)
    }

    /// `http://127.0.0.1:<port>`: Envoy's listener for statistics.
    #[must_use]
    pub fn stats_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.stats)
    }

    /// `http://127.0.0.1:<port>`: Envoy's administration.
    #[must_use]
    pub fn admin_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.admin)
    }

    /// `http://127.0.0.1:<port>`: a bridge itself, past the edge.
    #[must_use]
    pub fn bridge_url(&self, index: usize) -> String {
        format!("http://127.0.0.1:{}", self.ports.bridges[index])
    }

    /// The broker's port of 127.0.0.1.
    #[must_use]
    pub fn mqtt_port(&self) -> u16 {
        self.ports.mqtt
    }

    /// The edge's certificate (PEM), which a client has to trust.
    #[must_use]
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The edge.
    #[must_use]
    pub fn envoy(&self) -> &Service {
        &self.envoy
    }

    /// The first bridge.
    #[must_use]
    pub fn bridge(&self) -> &Service {
        &self.bridges[0]
    }

    /// All bridges.
    #[must_use]
    pub fn bridges(&self) -> &[Service] {
        &self.bridges
    }

    /// The broker.
    ///
    /// # Panics
    /// Panics if the broker is foreign: then it is no program of the stack.
    #[must_use]
    pub fn broker(&self) -> &Service {
        self.broker.as_ref().expect("the stack started its broker")
    }

    /// Where its logs and its generated configuration are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The ends of all logs, for a person who has to find out what went wrong.
    #[must_use]
    pub fn logs(&self) -> String {
        let one = |service: &Service| format!("--- {}\n{}\n", service.name(), service.log_tail());
        self.services().map(one).collect()
    }

    /// Waits until one of its programs ends, which none does by itself.
    ///
    /// # Errors
    /// Always: with that program's log.
    pub fn wait(&self) -> Result<()> {
        loop {
            if let Some(ended) = self.services().find(|service| !service.is_running()) {
                return Err(Error::new(format!("{} ended; this is the end of its log:", ended.name()))
                    .with_log(ended.log_tail()));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Brokers first, the edge last.
    fn services(&self) -> impl Iterator<Item = &Service> {
        self.broker.iter().chain(&self.bridges).chain([&self.envoy])
    }

    fn start(&self) -> Result<()> {
        // Started one by one: each needs the one before to be ready.
        self.services().try_for_each(Service::start)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
    }
}
