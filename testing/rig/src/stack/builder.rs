//! What a stack is to be like.

use std::fmt;
use std::path::PathBuf;

use super::bridge::Bridge;
use super::broker::Broker;
use super::envoy::Envoy;
use super::envoy_config::EnvoyConfig;
use super::mosquitto::Mosquitto;
use super::{Ports, Stack, ports};
use crate::dev::certificate;
use crate::error::{Context, Error, Result};
use crate::filter::Filter;
use crate::repo;

/// Describes a stack. By default it has the filter of this run ([`Filter::of_this_run`]), one bridge that this repository
/// built, the demonstration's broker, and free ports.
pub struct Builder {
    name: String,
    filter: Option<PathBuf>,
    bridge: PathBuf,
    bridges: usize,
    bridge_arguments: Vec<String>,
    broker: Broker,
    envoy: Envoy,
    http_port: Option<u16>,
    https_port: Option<u16>,
    admin_port: Option<u16>,
    mqtt_port: Option<u16>,
}

// === impl Builder ===

impl Builder {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            filter: None,
            bridge: repo::bridge(),
            bridges: 1,
            bridge_arguments: Vec::new(),
            broker: Broker::Demonstration,
            envoy: Envoy::default(),
            http_port: None,
            https_port: None,
            admin_port: None,
            mqtt_port: None,
        }
    }

    /// Another filter: a `.wasm`, or a dynamic module's `.so`.
    #[must_use]
    pub fn filter(mut self, path: impl Into<PathBuf>) -> Self {
        self.filter = Some(path.into());
        self
    }

    /// Another bridge.
    #[must_use]
    pub fn bridge(mut self, path: impl Into<PathBuf>) -> Self {
        self.bridge = path.into();
        self
    }

    /// How many bridges.
    #[must_use]
    pub fn bridges(mut self, count: usize) -> Self {
        self.bridges = count.max(1);
        self
    }

    /// Adds an argument for every bridge.
    #[must_use]
    pub fn bridge_argument(mut self, argument: impl Into<String>) -> Self {
        self.bridge_arguments.push(argument.into());
        self
    }

    /// The broker is a Mosquitto, not the demonstration's.
    #[must_use]
    pub fn mosquitto(mut self, mosquitto: Mosquitto) -> Self {
        self.broker = Broker::Mosquitto(mosquitto);
        self
    }

    /// The broker is one that listens on this port of 127.0.0.1 already, and that the stack neither starts nor ends.
    #[must_use]
    pub fn foreign_broker(self, port: u16) -> Self {
        self.foreign_broker_at(format!("mqtt://127.0.0.1:{port}")).mqtt_port(port)
    }

    /// The broker is the one at this URL, as the bridge's `--broker` takes it; the stack neither starts nor ends it.
    #[must_use]
    pub fn foreign_broker_at(mut self, url: impl Into<String>) -> Self {
        self.broker = Broker::Foreign(url.into());
        self
    }

    /// Changes Envoy's configuration, after ports and paths are set.
    #[must_use]
    pub fn envoy_config(mut self, change: impl FnOnce(&mut EnvoyConfig) + Send + 'static) -> Self {
        self.envoy.changes.push(Box::new(change));
        self
    }

    /// How many workers Envoy has (2 where this is not said).
    #[must_use]
    pub fn envoy_concurrency(mut self, workers: u32) -> Self {
        self.envoy.concurrency = workers;
        self
    }

    /// The edge's port.
    #[must_use]
    pub fn http_port(mut self, port: u16) -> Self {
        self.http_port = Some(port);
        self
    }

    /// The edge's port for TLS.
    #[must_use]
    pub fn https_port(mut self, port: u16) -> Self {
        self.https_port = Some(port);
        self
    }

    /// The port of Envoy's administration.
    #[must_use]
    pub fn admin_port(mut self, port: u16) -> Self {
        self.admin_port = Some(port);
        self
    }

    /// The broker's port.
    #[must_use]
    pub fn mqtt_port(mut self, port: u16) -> Self {
        self.mqtt_port = Some(port);
        self
    }

    /// Starts it all and waits until it is ready.
    ///
    /// # Errors
    /// Where a part is missing, fails, or is not ready in time: with that part's log.
    pub fn start(self) -> Result<Stack> {
        let directory = repo::run(&self.name);
        // What an earlier run left would be taken for this one's.
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).context(|| format!("{} cannot be made", directory.display()))?;
        let filter = match &self.filter {
            Some(filter) => filter.clone(),
            None => Filter::of_this_run()?.path(),
        };
        self.check_programs(&filter)?;
        let ports = self.ports()?;
        let bridges = ports.bridges.iter().enumerate().map(|(index, port)| {
            let bridge = Bridge {
                program: self.bridge.clone(),
                port: *port,
                broker_url: self.broker.url(ports.mqtt),
                arguments: self.bridge_arguments.clone(),
            };
            bridge.service(format!("bridge-{index}"), &directory)
        });
        let stack = Stack {
            bridges: bridges.collect(),
            broker: self.broker.service(&directory, ports.mqtt)?,
            certificate: certificate::ensure()?.chain,
            envoy: self.envoy.service(&directory, &filter, &ports)?,
            ports,
            directory,
        };
        stack.start()?;
        Ok(stack)
    }

    fn check_programs(&self, filter: &PathBuf) -> Result<()> {
        let demo_broker = repo::demo_broker();
        let needed = [
            ("filter", Some(filter)),
            ("bridge", Some(&self.bridge)),
            ("demonstration's broker", matches!(self.broker, Broker::Demonstration).then_some(&demo_broker)),
        ];
        let missing =
            needed.iter().find_map(|(what, path)| Some((what, path.filter(|path| !path.is_file())?)));
        match missing {
            None => Ok(()),
            Some((what, path)) => Err(Error::new(format!(
                "The {what} is not built ({} is missing): run `cargo xtask test` or `cargo xtask demo`.",
                repo::shown(path)
            ))),
        }
    }

    fn ports(&self) -> Result<Ports> {
        Ok(Ports {
            http: given_or_free(self.http_port)?,
            https: given_or_free(self.https_port)?,
            admin: given_or_free(self.admin_port)?,
            stats: ports::free()?,
            mqtt: match self.mqtt_port {
                Some(port) if matches!(self.broker, Broker::Foreign(_)) => port,
                given => given_or_free(given)?,
            },
            bridges: (0..self.bridges).map(|_| ports::free()).collect::<Result<_>>()?,
        })
    }
}

/// Whatever listens on a given port already would be taken for the program that was to be started.
fn given_or_free(given: Option<u16>) -> Result<u16> {
    match given {
        None => ports::free(),
        Some(port) if ports::is_free(port) => Ok(port),
        Some(port) => Err(Error::new(format!("Port {port} of 127.0.0.1 is in use."))),
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("name", &self.name).finish_non_exhaustive()
    }
}
