//! `cargo xtask lint`: formatting, lints, documentation, dependencies, and the configuration that is shipped.

use std::fs;
use std::process::Command;

use rig::dev::{certificate, keys};
use rig::error::Context;
use rig::{Error, Result, build, command, repo, tools};

/// What makes the command of one check.
type Check = fn() -> Result<Command>;

const CHECKS: [Check; 10] = [
    format,
    clippy,
    format_fuzzing,
    clippy_fuzzing,
    documentation,
    dependencies,
    published_crates,
    compose_file,
    envoy_yaml,
    alerts,
];

/// Runs every check, also after one has failed.
pub(crate) fn run() -> Result<()> {
    let failures: Vec<String> =
        CHECKS.iter().filter_map(|check| carry_out(*check).err()).map(|e| e.to_string()).collect();
    if failures.is_empty() { Ok(()) } else { Err(Error::new(failures.join("\n"))) }
}

fn carry_out(check: Check) -> Result<()> {
    let mut command = check()?;
    println!("{}", command::line(&command));
    command::run(command.current_dir(repo::root()))
}

fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments);
    cargo
}

fn format() -> Result<Command> {
    Ok(cargo(&["fmt", "--all", "--check"]))
}

fn clippy() -> Result<Command> {
    Ok(cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
}

/// fuzz/ is a workspace of its own.
const FUZZING: &str = "fuzz/Cargo.toml";

fn format_fuzzing() -> Result<Command> {
    Ok(cargo(&["fmt", "--manifest-path", FUZZING, "--check"]))
}

fn clippy_fuzzing() -> Result<Command> {
    Ok(cargo(&["clippy", "--quiet", "--manifest-path", FUZZING, "--locked", "--", "-D", "warnings"]))
}

/// For who works on this: private items are in it, so a module's documentation may point at them.
fn documentation() -> Result<Command> {
    let mut doc =
        cargo(&["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items", "--locked"]);
    doc.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links");
    Ok(doc)
}

/// Every crate of the workspace: without the flag, only the filter's dependencies are checked. Not the advisories: their
/// database is fetched over the network, and changes while this code does not.
fn dependencies() -> Result<Command> {
    let mut deny = Command::new(tools::cargo_deny()?);
    deny.args(["--workspace", "--log-level", "error", "check", "bans", "licenses", "sources"]);
    Ok(deny)
}

/// The crates that are published by themselves build from what is uploaded. crates.io has another `policy`, so that one is not.
fn published_crates() -> Result<Command> {
    let mut publish = cargo(&["publish", "--dry-run", "--quiet", "--allow-dirty", "--locked"]);
    publish.args(["--package", "http-publish", "--package", "mqtt-sessions"]);
    Ok(publish)
}

fn compose_file() -> Result<Command> {
    let mut compose = tools::docker_compose()?;
    compose.args(["config", "--quiet"]);
    Ok(compose)
}

/// Envoy's own opinion of `envoy.yaml` as it is shipped, with its files in another place.
fn envoy_yaml() -> Result<Command> {
    let directory = repo::run("lint");
    fs::create_dir_all(&directory).context(|| format!("{} cannot be made", directory.display()))?;
    let certificate = certificate::ensure()?;
    let files = [
        (build::filter(tools::wasm_toolchain()?)?, "postmqtt.wasm"),
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

/// Prometheus's own opinion of the alerts, doubles among them; whether they fire is what tests ask.
fn alerts() -> Result<Command> {
    let mut promtool = Command::new(tools::promtool()?);
    promtool.args(["check", "rules", "--lint=all", "--lint-fatal", "deploy/observability/alerts.yaml"]);
    Ok(promtool)
}
