//! A Docker engine: the one that runs, or one that is started for as long as this value lives.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use rustix::mount::UnmountFlags;

use crate::error::{Context, Error, Result};
use crate::stack::{Ready, Service};
use crate::{command, repo, tools};

/// The engine that answers, and how its clients reach it.
pub(super) struct Engine {
    started: Option<Started>,
}

/// An engine that ends with this value. Its images stay in Cargo's target directory.
struct Started {
    service: Service,
    socket: PathBuf,
    /// Mounted by the engine, which leaves it behind.
    network_namespace: PathBuf,
}

// === impl Engine ===

impl Engine {
    /// Finds a running engine, or starts one, which needs root and Debian's package `docker.io`.
    ///
    /// # Errors
    /// Returns an error if no engine runs and none can be started here.
    pub(super) fn ensure() -> Result<Self> {
        if command::output(Command::new("docker").arg("info")).is_ok() {
            return Ok(Self { started: None });
        }
        if !rustix::process::geteuid().is_root() {
            return Err(Error::new("No Docker engine is running, and only root can start one."));
        }
        let dockerd = tools::dockerd()?;
        let directory = repo::run("docker");
        std::fs::create_dir_all(&directory).context(|| format!("{} cannot be made", directory.display()))?;
        // The path of a socket may have 107 bytes (unix(7)), which a target directory can exceed.
        let socket = std::env::temp_dir().join(format!("postmqtt-docker-{}.sock", std::process::id()));
        let data = repo::target().join("docker");
        let network_namespace = data.join("exec").join("netns").join("default");
        let ready = Ready::Listens(socket.clone());
        let listen = format!("unix://{}", socket.display());
        let pid = directory.join("docker.pid");
        let service = Service::new("dockerd", &directory, ready, move || {
            let mut engine = Command::new(&dockerd);
            engine.arg("--data-root").arg(data.join("data")).arg("--exec-root").arg(data.join("exec"));
            engine.arg("--pidfile").arg(&pid).args(["--host", &listen]);
            engine
        });
        service.start()?;
        Ok(Self { started: Some(Started { service, socket, network_namespace }) })
    }

    /// Whether the engine was started for this check. Its networks then may lack the way out that the machine has.
    pub(super) const fn is_own(&self) -> bool {
        self.started.is_some()
    }

    /// `docker`, with these arguments.
    pub(super) fn docker(&self, arguments: &[&str]) -> Command {
        let mut docker = self.client(Command::new(match self.started {
            // Debian's client for Debian's engine: a newer one needs a plugin to build.
            Some(_) => "/usr/bin/docker",
            None => "docker",
        }));
        docker.args(arguments);
        docker
    }

    /// `docker compose`, without arguments.
    pub(super) fn compose(&self) -> Result<Command> {
        let compose = match self.started {
            Some(_) => Command::new("/usr/bin/docker-compose"),
            None => tools::docker_compose()?,
        };
        Ok(self.client(compose))
    }

    fn client(&self, mut command: Command) -> Command {
        command
            .env("DOCKER_BUILDKIT", "1")
            .env("COMPOSE_DOCKER_CLI_BUILD", "1")
            .env("BUILDKIT_PROGRESS", "plain");
        if let Some(started) = &self.started {
            let mut path = OsString::from("/usr/bin:");
            path.push(std::env::var_os("PATH").unwrap_or_default());
            command.env("PATH", path).env("DOCKER_HOST", format!("unix://{}", started.socket.display()));
        }
        command
    }
}

// === impl Started ===

impl Drop for Started {
    fn drop(&mut self) {
        self.service.stop();
        // Both may be gone with the engine.
        let _ = std::fs::remove_file(&self.socket);
        let _ = rustix::mount::unmount(&self.network_namespace, UnmountFlags::DETACH);
    }
}
