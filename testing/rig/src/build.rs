//! Building the parts that the stack runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Result};
use crate::tools::WasmToolchain;
use crate::{command, repo};

/// Builds the filter and returns the path of its `.wasm`.
///
/// # Errors
/// Where it does not compile.
pub fn filter(toolchain: WasmToolchain) -> Result<PathBuf> {
    build_filter(toolchain, &[], repo::filter())
}

/// Builds a filter that a request with the header `x-postmqtt-trap` ends, for tests of what Envoy then does.
///
/// # Errors
/// Where it does not compile.
pub fn trapping_filter(toolchain: WasmToolchain) -> Result<PathBuf> {
    build_filter(toolchain, &["--features", "trap"], repo::trapping_filter())
}

fn build_filter(toolchain: WasmToolchain, features: &[&str], filter: PathBuf) -> Result<PathBuf> {
    let mut cargo = toolchain.cargo_build();
    cargo.args(["--quiet", "--locked", "--profile", "filter", "--package", "postmqtt"]).args(features);
    let rustflags = serde_json::to_string(&anonymous_paths()).context(|| "A path is not UTF-8".to_owned())?;
    cargo.args(["--config", &format!("target.wasm32-wasip1.rustflags={rustflags}")]);
    command::run(cargo.current_dir(repo::root()))?;
    let built = toolchain.target_dir().join("wasm32-wasip1").join("filter").join("postmqtt.wasm");
    std::fs::copy(&built, &filter).context(|| format!("{} cannot be copied", built.display()))?;
    Ok(filter)
}

/// Flags for rustc that name sources by their place in the repository or in their crate, and not by their place on this
/// machine: two machines build the same file, and it says nothing about either.
#[must_use]
pub fn anonymous_paths() -> Vec<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let registries = home.and_then(|home| std::fs::read_dir(home.join("registry").join("src")).ok());
    let registries = registries.into_iter().flatten().flatten().map(|registry| (registry.path(), "crates"));
    let mut prefixes: Vec<(PathBuf, &str)> = registries.chain([(repo::root(), ".")]).collect();
    prefixes.sort();
    let flag = |(path, name): (PathBuf, &str)| format!("--remap-path-prefix={}={name}", path.display());
    prefixes.into_iter().map(flag).collect()
}

/// Builds the filter as a dynamic module of Envoy, and returns the path of its `.so`.
///
/// # Errors
/// Where it does not compile.
pub fn native_filter() -> Result<PathBuf> {
    build_native_filter(&[], repo::native_filter())
}

/// Builds a dynamic module that a request with the header `x-postmqtt-trap` makes panic, for tests of what Envoy then does.
///
/// # Errors
/// Where it does not compile.
pub fn trapping_native_filter() -> Result<PathBuf> {
    build_native_filter(&["--features", "trap"], repo::trapping_native_filter())
}

fn build_native_filter(features: &[&str], filter: PathBuf) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--locked", "--profile", "native"]);
    cargo.args(["--package", "postmqtt-envoy-module"]).args(features);
    command::run(cargo.current_dir(repo::root()))?;
    let built = repo::target().join("native").join("libenvoy_module.so");
    replace(&built, &filter)?;
    Ok(filter)
}

/// Copies by way of another name: an Envoy that still has the old file mapped keeps it.
fn replace(from: &Path, to: &Path) -> Result<()> {
    let fresh = to.with_extension("fresh");
    std::fs::copy(from, &fresh)
        .and_then(|_| std::fs::rename(&fresh, to))
        .context(|| format!("{} cannot be copied", from.display()))
}

/// Builds the bridge, in the profile that the tests compile anyway, and returns its path.
///
/// # Errors
/// Where it does not compile.
pub fn bridge() -> Result<PathBuf> {
    build_program("postmqtt-bridge", &[], repo::bridge())
}

/// Builds the bridge as it is shipped, and returns its path.
///
/// # Errors
/// Where it does not compile.
pub fn release_bridge() -> Result<PathBuf> {
    build_program("postmqtt-bridge", &["--release"], repo::release_bridge())
}

/// Builds the demonstration's broker and returns its path.
///
/// # Errors
/// Returns an error if it does not compile.
pub fn demo_broker() -> Result<PathBuf> {
    build_program("demo-broker", &[], repo::demo_broker())
}

fn build_program(package: &str, profile: &[&str], program: PathBuf) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--locked", "--package", package]).args(profile);
    command::run(cargo.current_dir(repo::root()))?;
    Ok(program)
}
