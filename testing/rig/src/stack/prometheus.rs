//! A Prometheus beside a stack.

use std::path::Path;
use std::process::Command;

use super::ports;
use super::service::{Ready, Service};
use crate::error::{Context, Result};
use crate::tools;

/// A running Prometheus, which ends when it is dropped.
#[derive(Debug)]
pub struct Prometheus {
    service: Service,
    port: u16,
}

// === impl Prometheus ===

impl Prometheus {
    /// Starts one with this configuration (YAML; paths in it are relative to the directory). Its log, its configuration
    /// and its data are in that directory.
    ///
    /// # Errors
    /// Where it is missing, does not take the configuration, or is not ready in time: with its log.
    pub fn start(directory: &Path, configuration: &str) -> Result<Self> {
        let program = tools::prometheus()?;
        let port = ports::free()?;
        let path = directory.join("prometheus.yaml");
        std::fs::write(&path, configuration).context(|| format!("{} cannot be written", path.display()))?;
        let data = directory.join("prometheus");
        let ready = Ready::Answers(format!("http://127.0.0.1:{port}/-/ready"));
        let service = Service::new("prometheus", directory, ready, move || {
            let mut command = Command::new(&program);
            command.arg(format!("--config.file={}", path.display()));
            command.arg(format!("--storage.tsdb.path={}", data.display()));
            command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
            command.arg("--log.level=warn");
            command
        });
        service.start()?;
        Ok(Self { service, port })
    }

    /// Its port of 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What runs.
    #[must_use]
    pub const fn service(&self) -> &Service {
        &self.service
    }
}
