//! `cargo xtask lint`: formatting, lints, documentation, dependencies, and the configuration that is shipped.

use std::process::Command;

use xtask::{Result, command, repo, tools};

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
    check(compose)
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
