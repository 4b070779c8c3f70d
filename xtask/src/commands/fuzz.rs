//! `cargo xtask fuzz`: each target of fuzz/, on the stored inputs and what grows from them.

use std::process::Command;

use rig::error::Context;
use rig::{Error, Result, command, repo};

/// What `fuzz` is told.
#[derive(clap::Args)]
pub(crate) struct Fuzz {
    /// How long each target looks for a failing input, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// How often each target runs instead, from a fixed seed: the same tree gives the same inputs
    #[arg(long, conflicts_with = "seconds")]
    runs: Option<u32>,
}

const NIGHTLY: &str = "+nightly";

// === impl Fuzz ===

impl Fuzz {
    pub(crate) fn run(self) -> Result<()> {
        ensure_tools()?;
        let bound = match self.runs {
            Some(runs) => vec!["-seed=1".to_owned(), format!("-runs={runs}")],
            None => vec![format!("-max_total_time={}", self.seconds)],
        };
        for target in targets()? {
            println!("fuzz: {target}, {}", bound.join(" "));
            let mut fuzz = cargo(&[NIGHTLY, "fuzz", "run", &target, "--", "-verbosity=0"]);
            command::run(fuzz.args(&bound))?;
        }
        Ok(())
    }
}

/// A sanitizer needs a nightly compiler.
fn ensure_tools() -> Result<()> {
    if command::output(&mut cargo(&[NIGHTLY, "--version"])).is_err() {
        println!("rustup toolchain install nightly");
        let mut rustup = Command::new("rustup");
        command::run(rustup.args(["toolchain", "install", "nightly", "--profile", "minimal"])).map_err(
            |_| {
                Error::new(
                    "Fuzzing needs a nightly Rust toolchain: `rustup toolchain install nightly`.".to_owned(),
                )
            },
        )?;
    }
    if command::find("cargo-fuzz").is_none() {
        println!("cargo install cargo-fuzz (once, two minutes)");
        command::run(&mut cargo(&["install", "cargo-fuzz", "--locked", "--quiet"]))?;
    }
    Ok(())
}

/// Each folder of stored inputs is named for its target.
fn targets() -> Result<Vec<String>> {
    let corpus = repo::root().join("fuzz").join("corpus");
    let entries = std::fs::read_dir(&corpus).context(|| format!("{} cannot be read", corpus.display()))?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    Ok(names)
}

fn cargo(arguments: &[&str]) -> Command {
    // Cargo sets what this process' toolchain is; the nightly one finds its own.
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN").current_dir(repo::root());
    cargo
}
