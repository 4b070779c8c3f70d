//! Building the parts that the stack runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Result};
use crate::tools::WasmToolchain;
use crate::{command, repo, tools};

/// Builds the filter and returns the path of its `.wasm`, which wasm-opt made smaller and stripped of its names. What the
/// compiler wrote is kept as [`repo::compiled_filter`].
///
/// # Errors
/// Returns an error if it does not compile.
pub fn filter(toolchain: WasmToolchain) -> Result<PathBuf> {
    let compiled = repo::compiled_filter();
    let before = std::fs::read(&compiled).ok();
    compile_filter(toolchain, "postmqtt", &[], &compiled)?;
    let filter = repo::filter();
    let now = std::fs::read(&compiled).context(|| format!("{} cannot be read", compiled.display()))?;
    let is_optimised = std::fs::read(&filter).is_ok_and(|optimised| optimised != now);
    if is_optimised && before.as_ref() == Some(&now) {
        return Ok(filter);
    }
    match tools::wasm_opt() {
        Ok(wasm_opt) => command::run(optimise(&mut Command::new(wasm_opt), &compiled, &filter))?,
        Err(error) => {
            eprintln!("The filter is as large as the compiler made it, since there is no wasm-opt: {error}");
            copy(&compiled, &filter)?;
        }
    }
    Ok(filter)
}

/// The features are those that rustc uses for the target.
fn optimise<'a>(wasm_opt: &'a mut Command, from: &Path, to: &Path) -> &'a mut Command {
    wasm_opt.args(["-O3", "--strip-debug", "--strip-producers", "--strip-target-features"]);
    for feature in [
        "bulk-memory",
        "multivalue",
        "mutable-globals",
        "nontrapping-float-to-int",
        "reference-types",
        "sign-ext",
    ] {
        wasm_opt.arg(format!("--enable-{feature}"));
    }
    wasm_opt.arg(from).arg("--output").arg(to)
}

/// Builds a filter that a request with the header `x-postmqtt-trap` ends, for tests of what Envoy then does.
///
/// # Errors
/// Where it does not compile.
pub fn trapping_filter(toolchain: WasmToolchain) -> Result<PathBuf> {
    let filter = repo::trapping_filter();
    compile_filter(toolchain, "postmqtt", &["--features", "trap"], &filter)?;
    Ok(filter)
}

/// Builds the filter that does nothing, which benchmarks compare the filter with, and returns its path.
///
/// # Errors
/// Returns an error if it does not compile.
pub fn empty_filter(toolchain: WasmToolchain) -> Result<PathBuf> {
    let filter = repo::empty_filter();
    compile_filter(toolchain, "empty-filter", &[], &filter)?;
    Ok(filter)
}

fn compile_filter(toolchain: WasmToolchain, package: &str, features: &[&str], filter: &Path) -> Result<()> {
    let mut cargo = toolchain.cargo_build();
    cargo.args(["--quiet", "--locked", "--profile", "filter", "--package", package]).args(features);
    let rustflags = serde_json::to_string(&anonymous_paths()).context(|| "A path is not UTF-8".to_owned())?;
    cargo.args(["--config", &format!("target.wasm32-wasip1.rustflags={rustflags}")]);
    command::run(cargo.current_dir(repo::root()))?;
    let built = toolchain.target_dir().join("wasm32-wasip1").join("filter");
    let built = built.join(format!("{}.wasm", package.replace('-', "_")));
    copy(&built, filter)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to).map(drop).context(|| format!("{} cannot be copied", from.display()))
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

/// Builds the programs that benchmarks compare a bridge with, as [`repo::baseline`].
///
/// # Errors
/// Returns an error if they do not compile.
pub fn baselines() -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--locked", "--release", "--package", "baselines"]);
    command::run(cargo.current_dir(repo::root()))
}

/// Builds the node of an RMQTT cluster with this cluster plugin, `broadcast` or `raft`, and returns its path. It is not in the
/// workspace and has 300 dependencies: the first build takes minutes.
///
/// # Errors
/// Returns an error if it does not compile, or if the Protocol Buffers compiler is missing.
pub fn cluster_node(plugin: &str) -> Result<PathBuf> {
    let features: &[&str] = if plugin == "raft" { &["--features", "raft"] } else { &[] };
    build_rmqtt("cluster-node", features, repo::cluster_node())
}

/// Builds an RMQTT with its HTTP API, as it would be shipped, and returns its path. The first build takes minutes.
///
/// # Errors
/// As [`cluster_node`].
pub fn http_node() -> Result<PathBuf> {
    build_rmqtt("http-node", &["--release", "--features", "http-api"], repo::http_node())
}

fn build_rmqtt(name: &str, flags: &[&str], program: PathBuf) -> Result<PathBuf> {
    if !program.exists() {
        eprintln!("cargo build: {name}, an RMQTT, which takes minutes");
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--locked", "--manifest-path", "testing/cluster-node/Cargo.toml"]);
    cargo.arg("--target-dir").arg(repo::target().join("cluster-node"));
    cargo.args(["--bin", name]).args(flags).env("PROTOC", tools::protoc()?);
    command::run(cargo.current_dir(repo::root()))?;
    Ok(program)
}

fn build_program(package: &str, profile: &[&str], program: PathBuf) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--locked", "--package", package]).args(profile);
    command::run(cargo.current_dir(repo::root()))?;
    Ok(program)
}
