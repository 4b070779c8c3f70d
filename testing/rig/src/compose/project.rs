//! The services of docker-compose.yml under a project of their own, built from a copy of the repository.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::engine::Engine;
use crate::error::{Context, Error, Result};
use crate::{command, repo, stack};

/// The services, which are removed with this value.
pub(super) struct Project<'a> {
    engine: &'a Engine,
    /// The copy that the images are built from.
    source: PathBuf,
    /// Files for `docker compose` beside docker-compose.yml.
    overrides: Vec<&'static str>,
    ports: Ports,
}

/// The ports of 127.0.0.1 that are published.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) http: u16,
    pub(super) https: u16,
    mqtt: u16,
    mqtts: u16,
    pub(super) prometheus: u16,
    grafana: u16,
}

/// How long services may take to become healthy. Two cores are slow.
const PATIENCE: Duration = Duration::from_secs(120);

// === impl Project ===

impl<'a> Project<'a> {
    /// Its name, which is the prefix of its volumes and containers.
    pub(super) const NAME: &'static str = "postmqtt-compose-check";

    /// Copies the repository as a clone under `umask 077` has it: only its owner can read the files.
    pub(super) fn new(engine: &'a Engine) -> Result<Self> {
        let source = repo::run("compose").join("source");
        // What an earlier run left may lack files that were added since, or have ones that were removed.
        let _ = std::fs::remove_dir_all(&source);
        std::fs::create_dir_all(&source).context(|| format!("{} cannot be made", source.display()))?;
        let copy = "umask 077; git ls-files -coz --exclude-standard --deduplicate | xargs -0 ls -d 2>/dev/null \
                    | tar -c -T - | tar -x --no-same-permissions -C \"$1\"";
        let mut shell = Command::new("sh");
        command::output(shell.args(["-c", copy, "sh"]).arg(&source).current_dir(repo::root()))?;
        let networks = source.join("host-network.yml");
        let service = |name| format!("  {name}: {{ build: {{ network: host }} }}\n");
        let services: String = ["edge", "bridge", "certificate", "token"].map(service).concat();
        write(&networks, &format!("services:\n{services}"))?;
        let ports = Ports {
            http: stack::free_port()?,
            https: stack::free_port()?,
            mqtt: stack::free_port()?,
            mqtts: stack::free_port()?,
            prometheus: stack::free_port()?,
            grafana: stack::free_port()?,
        };
        Ok(Self { engine, source, overrides: Vec::new(), ports })
    }

    /// Has one more file change the services, a path in the repository.
    pub(super) fn overridden_by(&mut self, file: &'static str) {
        self.overrides.push(file);
    }

    pub(super) const fn ports(&self) -> Ports {
        self.ports
    }

    /// The copy that the images are built from.
    pub(super) fn source(&self) -> &Path {
        &self.source
    }

    /// `docker compose` for this project, with these arguments.
    pub(super) fn compose(&self, arguments: &[&str]) -> Result<Command> {
        let mut compose = self.engine.compose()?;
        compose.current_dir(&self.source).args([
            "--project-name",
            Self::NAME,
            "--file",
            "docker-compose.yml",
        ]);
        if self.engine.is_own() {
            compose.args(["--file", "host-network.yml"]);
        }
        for file in &self.overrides {
            compose.args(["--file", file]);
        }
        compose.env("POSTMQTT_HTTP_PORT", self.ports.http.to_string());
        compose.env("POSTMQTT_HTTPS_PORT", self.ports.https.to_string());
        compose.env("POSTMQTT_MQTT_PORT", self.ports.mqtt.to_string());
        compose.env("POSTMQTT_MQTTS_PORT", self.ports.mqtts.to_string());
        compose.env("POSTMQTT_PROMETHEUS_PORT", self.ports.prometheus.to_string());
        compose.env("POSTMQTT_GRAFANA_PORT", self.ports.grafana.to_string());
        compose.args(arguments);
        Ok(compose)
    }

    /// Runs `docker compose` to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<String> {
        command::output(&mut self.compose(arguments)?)
    }

    /// The containers of a service.
    pub(super) fn containers(&self, service: &str) -> Result<Vec<String>> {
        Ok(self.run(&["ps", "-q", service])?.split_whitespace().map(str::to_owned).collect())
    }

    /// A field of a container, by a template of `docker inspect`.
    pub(super) fn inspect(&self, container: &str, template: &str) -> Result<String> {
        let mut inspect = self.engine.docker(&["inspect", "--format", template, container]);
        command::output(&mut inspect).map(|printed| printed.trim().to_owned())
    }

    /// Waits until a service has this many containers and all are healthy.
    pub(super) fn wait_until_healthy(&self, service: &str, count: usize) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let containers = self.containers(service)?;
            let health = containers.iter().map(|id| self.inspect(id, "{{.State.Health.Status}}"));
            let health: Vec<String> = health.collect::<Result<_>>()?;
            if health.len() == count && health.iter().all(|state| state == "healthy") {
                return Ok(());
            }
            if Instant::now() > deadline {
                let logs = self.run(&["logs", "--tail", "40"]).unwrap_or_default();
                return Err(Error::new(format!("{service} is not healthy: {health:?}.")).with_log(logs));
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        // After a check that failed; one that succeeded has removed them.
        let _ = self.run(&["down", "--volumes", "--timeout", "2"]);
    }
}

pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).context(|| format!("{} cannot be written", path.display()))
}
