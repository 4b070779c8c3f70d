//! `cargo xtask soak`: what takes too long for `cargo xtask test`.

use std::process::Command;

use rig::{Result, build, command, repo, tools};

pub(crate) fn run() -> Result<()> {
    let toolchain = tools::wasm_toolchain()?;
    println!("envoy: {}", repo::shown(&tools::envoy()?));
    println!("mosquitto: {}", repo::shown(&tools::mosquitto()?));
    println!("filter: {}", repo::shown(&build::filter(toolchain)?));
    println!("bridge: {}", repo::shown(&build::bridge()?));
    cargo(&["run", "--quiet", "--package", "end-to-end", "--bin", "soak"])?;
    cargo(&["test", "--quiet", "--package", "wasm-host", "--test", "filter", "memory"])
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).env("POSTMQTT_SOAK_REQUESTS", "1000000");
    command::run(cargo.current_dir(repo::root()))
}
