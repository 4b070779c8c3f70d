//! Mosquitto as the stack's broker.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::ports;
use super::service::{Ready, Service};
use crate::error::{Context, Result};
use crate::{repo, tools};

/// What a Mosquitto is to be like.
#[derive(Clone, Debug, Default)]
pub struct Mosquitto {
    settings: Vec<String>,
    acl: Option<String>,
}

// === impl Mosquitto ===

impl Mosquitto {
    /// A Mosquitto that lets everybody in, limits nothing, and keeps nothing on disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line to its configuration file, e.g. `max_packet_size 1024`.
    #[must_use]
    pub fn setting(mut self, line: impl Into<String>) -> Self {
        self.settings.push(line.into());
        self
    }

    /// Gives it an access control list, in the form of Mosquitto's `acl_file`.
    #[must_use]
    pub fn acl(mut self, text: impl Into<String>) -> Self {
        self.acl = Some(text.into());
        self
    }

    /// Starts it alone, without a stack, at a free port of 127.0.0.1. The name is its directory's.
    ///
    /// # Errors
    /// Where it cannot be found, configured or started.
    pub fn start(&self, name: &str) -> Result<(Service, u16)> {
        let directory = repo::run(name);
        std::fs::create_dir_all(&directory).context(|| format!("{} cannot be made", directory.display()))?;
        let port = ports::free()?;
        let service = self.service(&directory, port)?;
        service.start()?;
        Ok((service, port))
    }

    pub(super) fn service(&self, directory: &Path, port: u16) -> Result<Service> {
        let program = tools::mosquitto()?;
        let configuration = self.write(directory, port)?;
        let ready = Ready::Accepts(ports::local(port));
        Ok(Service::new("mosquitto", directory, ready, move || {
            let mut command = Command::new(&program);
            command.arg("-c").arg(&configuration);
            command
        }))
    }

    fn write(&self, directory: &Path, port: u16) -> Result<PathBuf> {
        let mut lines = vec![
            format!("listener {port} 127.0.0.1"),
            "allow_anonymous true".to_owned(),
            "persistence false".to_owned(),
            "set_tcp_nodelay true".to_owned(),
            // More than any test sends. Without a limit (0), 2.0.11 cuts a connection over which it has refused a message.
            "max_queued_messages 1000000".to_owned(),
            "log_timestamp_format %H:%M:%S".to_owned(),
        ];
        // Run by root, it gives up root, and then could not read the file below.
        if rustix::process::geteuid().is_root() {
            lines.push("user root".to_owned());
        }
        if let Some(acl) = &self.acl {
            let path = directory.join("mosquitto.acl");
            write(&path, acl)?;
            lines.push(format!("acl_file {}", path.display()));
        }
        lines.extend(self.settings.iter().cloned());
        let path = directory.join("mosquitto.conf");
        write(&path, &(lines.join("\n") + "\n"))?;
        Ok(path)
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).context(|| format!("{} cannot be written", path.display()))
}
