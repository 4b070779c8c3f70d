//! `cargo xtask lint`: formatting, lints, documentation, dependencies, and the configuration that is shipped.

use std::fs;
use std::process::Command;

use xtask::dev::{certificate, keys};
use xtask::error::Context;
use xtask::{Result, build, command, repo, tools};

use super::wasm_toolchain;

pub(crate) fn run() -> Result<()> {
    check(cargo(&["fmt", "--all", "--check"]))?;
    check(cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    let mut doc =
        cargo(&["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items", "--locked"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    check(doc)?;
    let mut deny = Command::new(tools::cargo_deny()?);
    // Not its advisories: their database is fetched over the network, and changes while this code does not.
    deny.args(["--log-level", "error", "check", "bans", "licenses", "sources"]);
    check(deny)?;
    let mut compose = tools::docker_compose()?;
    compose.args(["config", "--quiet"]);
    check(compose)?;
    check(validate_envoy_yaml()?)
}

/// Envoy's own opinion of `envoy.yaml` as it is shipped, with its files in another place.
fn validate_envoy_yaml() -> Result<Command> {
    let directory = repo::run("lint");
    fs::create_dir_all(&directory).context(|| format!("{} cannot be made", directory.display()))?;
    let certificate = certificate::ensure()?;
    let files = [
        (build::filter(wasm_toolchain()?)?, "postmqtt.wasm"),
        (keys::jwks(), "jwks.json"),
        (certificate.chain, "tls.crt"),
        (certificate.key, "tls.key"),
    ];
    for (from, name) in files {
        fs::copy(&from, directory.join(name)).context(|| format!("{} cannot be copied", from.display()))?;
    }
    let shipped =
        fs::read_to_string(repo::envoy_yaml()).context(|| "envoy.yaml cannot be read".to_owned())?;
    let config = directory.join("envoy.yaml");
    fs::write(&config, shipped.replace("/etc/postmqtt", &directory.to_string_lossy()))
        .context(|| format!("{} cannot be written", config.display()))?;
    let mut envoy = Command::new(tools::envoy()?);
    envoy.args(["--mode", "validate", "--log-level", "error", "--config-path"]).arg(config);
    Ok(envoy)
}

fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments);
    cargo
}

fn check(mut command: Command) -> Result<()> {
    println!("{}", command::line(&command));
    command::run(command.current_dir(repo::root()))
}
