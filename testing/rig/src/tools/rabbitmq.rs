//! RabbitMQ, which others publish with over HTTP: its management API.

use std::fs;
use std::path::{Path, PathBuf};

use super::apt;
use crate::command;
use crate::error::{Error, Result};

/// The programs of a RabbitMQ.
#[derive(Clone, Debug)]
pub struct RabbitMqPrograms {
    /// The script that starts the server.
    pub server: PathBuf,
    /// Erlang's port mapper, where the server registers.
    pub epmd: PathBuf,
    /// The server's version.
    pub version: String,
}

/// Where Debian keeps the releases of RabbitMQ. The scripts on the `PATH` start only the system's own server.
const RELEASES: &str = "/usr/lib/rabbitmq/lib";

/// RabbitMQ: found, or installed.
///
/// # Errors
/// Returns an error if it is missing and cannot be installed.
pub fn rabbitmq() -> Result<RabbitMqPrograms> {
    if let Some(found) = find() {
        return Ok(found);
    }
    apt::ensure(&["rabbitmq-server"], "to compare a bridge with RabbitMQ's management API")?;
    find().ok_or_else(|| Error::new(format!("rabbitmq-server was installed, but is not in {RELEASES}.")))
}

fn find() -> Option<RabbitMqPrograms> {
    let epmd = command::find("epmd")?;
    let release = |entry: fs::DirEntry| {
        let version = entry.file_name().to_str()?.strip_prefix("rabbitmq_server-")?.to_owned();
        let server = entry.path().join("sbin").join("rabbitmq-server");
        server.is_file().then(|| RabbitMqPrograms { server, epmd: epmd.clone(), version })
    };
    fs::read_dir(Path::new(RELEASES)).ok()?.flatten().find_map(release)
}
