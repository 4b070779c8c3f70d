//! Envoy as the stack's edge.

use std::path::Path;
use std::process::Command;

use super::Ports;
use super::envoy_config::{EnvoyConfig, Places};
use super::service::{Ready, Service};
use crate::dev::{certificate, keys};
use crate::error::Result;
use crate::tools;

/// A change of the configuration before Envoy reads it.
type Change = Box<dyn FnOnce(&mut EnvoyConfig) + Send>;

/// What an Envoy is to be like.
pub(super) struct Envoy {
    pub(super) concurrency: u32,
    pub(super) changes: Vec<Change>,
}

// === impl Envoy ===

impl Default for Envoy {
    fn default() -> Self {
        Self { concurrency: 2, changes: Vec::new() }
    }
}

impl Envoy {
    pub(super) fn service(self, directory: &Path, filter: &Path, ports: &Ports) -> Result<Service> {
        let program = tools::envoy()?;
        let certificate = certificate::ensure()?;
        let mut config = EnvoyConfig::load()?;
        config.place(&Places {
            http_port: ports.http,
            https_port: ports.https,
            admin_port: ports.admin,
            stats_port: ports.stats,
            bridge_ports: ports.bridges.clone(),
            filter,
            jwks: &keys::jwks(),
            certificate: &certificate.chain,
            certificate_key: &certificate.key,
        })?;
        for change in self.changes {
            change(&mut config);
        }
        let path = directory.join("envoy.json");
        config.write(&path)?;
        let ready = Ready::Answers(format!("http://127.0.0.1:{}/ready", ports.admin));
        let concurrency = self.concurrency.to_string();
        Ok(Service::new("envoy", directory, ready, move || {
            let mut command = Command::new(&program);
            command.arg("--config-path").arg(&path).args(["--concurrency", &concurrency]);
            command.args(["--log-level", "warning", "--use-dynamic-base-id"]);
            // The access log is read by people and tests that wait for it.
            command.args(["--file-flush-interval-msec", "100"]);
            command
        }))
    }
}
