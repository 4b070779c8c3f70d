//! cargo-cyclonedx, which writes the release's bill of materials.

use std::path::PathBuf;
use std::process::Command;

use crate::error::Result;
use crate::{command, repo};

/// The version that is tested here.
const VERSION: &str = "0.5.9";

/// The program `cargo-cyclonedx`: found, or compiled, which takes a few minutes.
///
/// # Errors
/// Returns an error if it is missing and cannot be compiled.
pub fn cargo_cyclonedx() -> Result<PathBuf> {
    if let Some(found) = command::find("cargo-cyclonedx") {
        return Ok(found);
    }
    let root = repo::tools().join(format!("cargo-cyclonedx-{VERSION}"));
    let program = root.join("bin").join("cargo-cyclonedx");
    if program.exists() {
        return Ok(program);
    }
    eprintln!("cargo install cargo-cyclonedx@{VERSION}: into {}", repo::shown(&root));
    let mut cargo = Command::new("cargo");
    cargo.args(["install", "--quiet", "--locked", "--version", VERSION, "--root"]).arg(&root);
    command::output(cargo.arg("cargo-cyclonedx"))?;
    Ok(program)
}
