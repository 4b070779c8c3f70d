//! cargo-zigbuild, which links for other architectures and for an older glibc with the C compiler and linker of Zig.

use std::path::PathBuf;
use std::process::Command;

use super::wheel::Wheel;
use crate::command;
use crate::error::Result;

const WHEEL: Wheel = Wheel {
    package: "astral-dev-toolchain-cargo-zigbuild",
    version: "0.23.4",
    program: "cargo-zigbuild",
    requirements: &["ziglang==0.15.2"],
};

/// The program `cargo-zigbuild` with a Zig beside it: fetched, since Zig's version matters.
///
/// # Errors
/// Returns an error if it cannot be fetched.
pub fn cargo_zigbuild() -> Result<PathBuf> {
    WHEEL.ensure()
}

/// Adds the standard library of a target to the Rust toolchain in use.
///
/// # Errors
/// Returns an error if rustup is missing or cannot fetch it.
pub fn rust_target(target: &str) -> Result<()> {
    command::output(Command::new("rustup").args(["target", "add", target])).map(drop)
}
