//! Where things are in this repository.

use std::path::{Path, PathBuf};

/// The repository's root.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Everything that is made: Cargo's target directory.
#[must_use]
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |given| root().join(given))
}

/// Tools that were fetched because the machine has none.
#[must_use]
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// Logs and generated configuration of one stack.
#[must_use]
pub fn run(name: &str) -> PathBuf {
    target().join("run").join(name)
}

/// The edge's configuration.
#[must_use]
pub fn envoy_yaml() -> PathBuf {
    root().join("envoy.yaml")
}

/// The filter that [`crate::build::filter`] built.
#[must_use]
pub fn filter() -> PathBuf {
    target().join("postmqtt.wasm")
}

/// The filter as the compiler wrote it, with the names of its functions: what profiles and counts are made of.
#[must_use]
pub fn compiled_filter() -> PathBuf {
    target().join("postmqtt.compiled.wasm")
}

/// The dynamic module that [`crate::build::native_filter`] built.
#[must_use]
pub fn native_filter() -> PathBuf {
    target().join("libpostmqtt.so")
}

/// The dynamic module that [`crate::build::trapping_native_filter`] built.
#[must_use]
pub fn trapping_native_filter() -> PathBuf {
    target().join("libpostmqtt-trapping.so")
}

/// The filter that [`crate::build::trapping_filter`] built.
#[must_use]
pub fn trapping_filter() -> PathBuf {
    target().join("postmqtt-trapping.wasm")
}

/// The filter that does nothing, which [`crate::build::empty_filter`] built.
#[must_use]
pub fn empty_filter() -> PathBuf {
    target().join("empty-filter.wasm")
}

/// A program of `testing/baselines` that [`crate::build::baselines`] built.
#[must_use]
pub fn baseline(program: &str) -> PathBuf {
    target().join("release").join(program)
}

/// The bridge that [`crate::build::bridge`] built.
#[must_use]
pub fn bridge() -> PathBuf {
    target().join("debug").join("postmqtt-bridge")
}

/// The bridge that [`crate::build::release_bridge`] built.
#[must_use]
pub fn release_bridge() -> PathBuf {
    target().join("release").join("postmqtt-bridge")
}

/// The demonstration's broker that [`crate::build::demo_broker`] built.
#[must_use]
pub fn demo_broker() -> PathBuf {
    target().join("debug").join("demo-broker")
}

/// The cluster's node that [`crate::build::cluster_node`] built.
#[must_use]
pub fn cluster_node() -> PathBuf {
    target().join("cluster-node").join("debug").join("cluster-node")
}

/// The RMQTT with its HTTP API that [`crate::build::http_node`] built.
#[must_use]
pub fn http_node() -> PathBuf {
    target().join("cluster-node").join("release").join("http-node")
}

/// A path as it reads best: from the repository's root where it is inside.
#[must_use]
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
