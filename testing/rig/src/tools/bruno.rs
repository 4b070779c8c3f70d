//! bru, which runs Bruno collections.

use std::path::PathBuf;

use super::npm::Npm;
use crate::error::Result;

const NPM: Npm = Npm { package: "@usebruno/cli", version: "4.1.0", program: "bru" };

/// The program `bru`, fetched unless it is there.
///
/// # Errors
/// Where it cannot be fetched.
pub fn bru() -> Result<PathBuf> {
    NPM.ensure()
}
