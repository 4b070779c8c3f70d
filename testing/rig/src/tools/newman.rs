//! newman, which runs Postman collections.

use std::path::PathBuf;

use super::npm::Npm;
use crate::error::Result;

const NPM: Npm = Npm { package: "newman", version: "6.2.2", program: "newman" };

/// The program `newman`, fetched unless it is there.
///
/// # Errors
/// Where it cannot be fetched.
pub fn newman() -> Result<PathBuf> {
    NPM.ensure()
}
