//! skopeo, which copies images between layouts and registries, and Debian's registry, which tests push to.

use std::path::PathBuf;

use super::apt;
use crate::command;
use crate::error::{Error, Result};

/// The program `skopeo`: found, or installed.
///
/// # Errors
/// Returns an error if it is missing and cannot be installed.
pub fn skopeo() -> Result<PathBuf> {
    ensure("skopeo", "skopeo", "to copy images to a registry")
}

/// The program `docker-registry`: found, or installed.
///
/// # Errors
/// Returns an error if it is missing and cannot be installed.
pub fn docker_registry() -> Result<PathBuf> {
    ensure("docker-registry", "docker-registry", "for a registry that tests push to")
}

fn ensure(program: &str, package: &str, purpose: &str) -> Result<PathBuf> {
    if let Some(found) = command::find(program) {
        return Ok(found);
    }
    apt::ensure(&[package], purpose)?;
    command::find(program)
        .ok_or_else(|| Error::new(format!("{package} was installed, but {program} is not on the PATH.")))
}
