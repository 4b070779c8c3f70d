//! `cargo xtask instructions`: how many instructions the native filter executes for a request, counted by callgrind, against
//! what is written down. Unlike times, they do not depend on what else the machine does; the C library's allocator is counted
//! too, so another C library may count otherwise.

use std::path::PathBuf;
use std::process::Command;

use rig::error::Context;
use rig::{Error, Result, command, repo, tools};

/// What `instructions` is told.
#[derive(clap::Args)]
pub(crate) struct Instructions {
    /// Writes the counts down instead of comparing them
    #[arg(long)]
    write: bool,
}

/// Requests of each kind.
const NUMBER: u64 = 200;
/// What a count may differ from the one written down, in per cent.
const TOLERANCE: f64 = 3.0;

// === impl Instructions ===

impl Instructions {
    pub(crate) fn run(self) -> Result<()> {
        let valgrind = tools::valgrind()?;
        let requests = build()?;
        let kinds = command::output(&mut Command::new(&requests))?;
        let counts: Vec<(String, u64)> = kinds
            .lines()
            .map(|kind| Ok((kind.to_owned(), count(&valgrind, &requests, kind)?)))
            .collect::<Result<_>>()?;
        if self.write {
            let lines: String = counts.iter().map(|(kind, count)| format!("{kind} {count}\n")).collect();
            return std::fs::write(baseline(), lines)
                .context(|| format!("{} cannot be written", repo::shown(&baseline())));
        }
        compare(&counts)
    }
}

/// Without link-time optimisation: the hooks have to be functions that callgrind sees.
fn build() -> Result<PathBuf> {
    let directory = repo::target().join("instructions");
    let mut cargo = Command::new("cargo");
    cargo.args([
        "build",
        "--quiet",
        "--locked",
        "--release",
        "--package",
        "native-host",
        "--bin",
        "requests",
    ]);
    cargo.arg("--no-default-features").arg("--target-dir").arg(&directory);
    cargo.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1");
    command::run(cargo.current_dir(repo::root()))?;
    Ok(directory.join("release").join("requests"))
}

/// Counts inside the filter's hooks, and not inside the callbacks that they make: those are the host's.
fn count(valgrind: &PathBuf, requests: &PathBuf, kind: &str) -> Result<u64> {
    let mut command = Command::new(valgrind);
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"]);
    command.arg("--toggle-collect=envoy_dynamic_module_on_http_filter_*");
    command.arg("--toggle-collect=envoy_dynamic_module_callback_*");
    command.arg(requests).arg(kind).arg(NUMBER.to_string());
    let run = command.output().context(|| "valgrind does not run".to_owned())?;
    let report = String::from_utf8_lossy(&run.stderr);
    let collected =
        report.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse::<u64>().ok());
    match collected {
        Some(collected) if run.status.success() => Ok(collected / NUMBER),
        _ => Err(Error::new(format!("callgrind counts nothing for {kind}:\n{report}"))),
    }
}

fn compare(counts: &[(String, u64)]) -> Result<()> {
    let written = std::fs::read_to_string(baseline())
        .context(|| format!("{} cannot be read", repo::shown(&baseline())))?;
    let expected =
        |kind: &str| written.lines().find_map(|line| line.strip_prefix(kind)?.trim().parse::<u64>().ok());
    let mut wrong = Vec::new();
    for (kind, count) in counts {
        let before = expected(kind);
        let change = before.map(|before| (*count as f64 / before as f64 - 1.0) * 100.0);
        let shown = change.map_or_else(|| "new".to_owned(), |change| format!("{change:+.1} %"));
        println!("{kind:<24}{count:>9}  {shown}");
        if change.is_none_or(|change| change.abs() > TOLERANCE) {
            wrong.push(format!("{kind} ({shown})"));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!(
        "The native filter does not execute as many instructions as {} says: {}.\nIf that is meant, write them down with \
         `cargo xtask instructions --write`, and say why in the commit.",
        repo::shown(&baseline()),
        wrong.join(", ")
    )))
}

fn baseline() -> PathBuf {
    repo::root().join("testing/native-host/instructions.txt")
}
