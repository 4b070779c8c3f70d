//! dockerd, a Docker engine, with Debian's clients for it.

use std::path::PathBuf;

use super::apt;
use crate::command;
use crate::error::{Error, Result};

/// The program `dockerd`, found or installed together with `docker` and `docker-compose` in /usr/bin.
///
/// # Errors
/// Returns an error if one of them is missing and cannot be installed.
pub fn dockerd() -> Result<PathBuf> {
    apt::ensure(&["docker.io", "docker-compose"], "to run docker-compose.yml")?;
    command::find("dockerd")
        .ok_or_else(|| Error::new("docker.io was installed, but dockerd is not on the PATH."))
}
