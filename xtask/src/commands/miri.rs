//! `cargo xtask miri`: the code that reads what a host wrote, under Miri.

use std::process::Command;

use rig::{Error, Result, command, repo};

/// The interpreter is some hundred times slower than compiled code, so random inputs are few. One run takes half a minute.
const RANDOM_CASES: &str = "8";

const NIGHTLY: &str = "+nightly";

pub(crate) fn run() -> Result<()> {
    ensure_miri()?;
    let mut miri = cargo(&[NIGHTLY, "miri", "test", "--quiet", "--package", "edge", "--lib", "pairs"]);
    // proptest looks for the directory of its stored failures.
    miri.env("MIRIFLAGS", "-Zmiri-disable-isolation").env("PROPTEST_CASES", RANDOM_CASES);
    println!("{}", command::line(&miri));
    command::run(&mut miri)
}

fn ensure_miri() -> Result<()> {
    if command::output(&mut cargo(&[NIGHTLY, "miri", "--version"])).is_ok() {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    rustup.args(["toolchain", "install", "nightly", "--profile", "minimal", "--component", "miri,rust-src"]);
    let line = command::line(&rustup);
    println!("{line}");
    command::run(&mut rustup).map_err(|_| {
        Error::new(format!("Miri needs a nightly Rust toolchain with two components: `{line}`."))
    })
}

fn cargo(arguments: &[&str]) -> Command {
    // Cargo sets what this process' toolchain is; the nightly one finds its own.
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN").current_dir(repo::root());
    cargo
}
