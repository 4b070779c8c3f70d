//! The programs of a stack, each alone and on one core, for benchmarks.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::bridge::Bridge;
use super::envoy::Envoy;
use super::envoy_config::EnvoyConfig;
use super::mosquitto::Mosquitto;
use super::service::{Ready, Service};
use super::{Ports, ports};
use crate::error::{Context, Error, Result};
use crate::repo;

/// A processor core that programs are kept on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Core(usize);

/// A program that listens.
#[derive(Debug)]
pub struct Server {
    /// The program.
    pub service: Service,
    /// Its port of 127.0.0.1.
    pub port: u16,
}

// === impl Core ===

impl Core {
    /// Two cores: one for what is measured, one for all else.
    ///
    /// # Errors
    /// Returns an error if this machine has only one.
    pub fn two() -> Result<(Self, Self)> {
        match std::thread::available_parallelism() {
            Ok(cores) if cores.get() >= 2 => Ok((Self(0), Self(1))),
            _ => {
                Err(Error::new("Two processor cores are needed: one for what is measured, one for the load."))
            }
        }
    }

    /// The same command on this core.
    #[must_use]
    pub fn pin(self, command: &Command) -> Command {
        let mut pinned = Command::new("taskset");
        pinned.args(["--cpu-list", &self.0.to_string()]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => pinned.env(name, value),
                None => pinned.env_remove(name),
            };
        }
        pinned
    }

    /// An Envoy with one worker and the configuration of this repository, whose only bridge listens on the port `upstream`. It is
    /// not started. The name is its directory's.
    ///
    /// # Errors
    /// Returns an error if Envoy cannot be found or configured.
    pub fn envoy(
        self,
        name: &str,
        filter: &Path,
        upstream: u16,
        change: impl FnOnce(&mut EnvoyConfig) + Send + 'static,
    ) -> Result<Server> {
        let port = ports::free()?;
        let ports = Ports {
            http: port,
            https: ports::free()?,
            admin: ports::free()?,
            stats: ports::free()?,
            mqtt: 0,
            bridges: vec![upstream],
        };
        let envoy = Envoy { concurrency: 1, changes: vec![Box::new(change)] };
        let service = envoy.service(&run_directory(name)?, filter, &ports)?;
        Ok(Server { service: service.on(self), port })
    }

    /// The release bridge before the broker at this port. It is not started.
    ///
    /// # Errors
    /// Returns an error if it has no directory or port.
    pub fn bridge(self, name: &str, broker: u16) -> Result<Server> {
        let port = ports::free()?;
        let bridge = Bridge {
            program: repo::release_bridge(),
            port,
            broker_url: format!("mqtt://127.0.0.1:{broker}"),
            arguments: Vec::new(),
        };
        Ok(Server { service: bridge.service("bridge".to_owned(), &run_directory(name)?).on(self), port })
    }

    /// A Mosquitto. It is not started.
    ///
    /// # Errors
    /// Returns an error if it cannot be found or configured.
    pub fn mosquitto(self, name: &str, mosquitto: &Mosquitto) -> Result<Server> {
        let port = ports::free()?;
        Ok(Server { service: mosquitto.service(&run_directory(name)?, port)?.on(self), port })
    }

    /// Any other program, which is told the port where it listens. It is not started.
    ///
    /// # Errors
    /// Returns an error if it has no directory or port.
    pub fn program(
        self,
        directory: &str,
        name: &str,
        command: impl Fn(u16) -> Command + Send + Sync + 'static,
    ) -> Result<Server> {
        let port = ports::free()?;
        let ready = Ready::Accepts(ports::local(port));
        let service = Service::new(name, &run_directory(directory)?, ready, move || command(port));
        Ok(Server { service: service.on(self), port })
    }
}

/// What an earlier run left there would be taken for this one's.
pub(super) fn run_directory(name: &str) -> Result<PathBuf> {
    let directory = repo::run(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).context(|| format!("{} cannot be made", directory.display()))?;
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command;

    #[test]
    fn a_pinned_command_has_its_core_its_arguments_and_its_environment() {
        let mut given = Command::new("sh");
        given.args(["-c", "grep Cpus_allowed_list /proc/self/status; echo $1 $COLOUR", "-", "an argument"]);
        given.env("COLOUR", "green");
        let (first, _) = Core::two().unwrap();
        let printed = command::output(&mut first.pin(&given)).unwrap();
        assert_eq!(printed, "Cpus_allowed_list:\t0\nan argument green\n");
    }
}
