//! Sets `POSTMQTT_VERSION`: the version, with the git revision where it is known.
//!
//! The revision is the environment variable `POSTMQTT_REVISION` (a Docker build, where there is no `.git`), or that of the
//! git repository. Without either it is left out.

use std::path::Path;
use std::process::Command;

/// How much of a revision is shown.
const REVISION_LENGTH: usize = 12;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=POSTMQTT_REVISION");
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let given = std::env::var("POSTMQTT_REVISION").ok().filter(|revision| !revision.is_empty());
    let version = match given.or_else(revision_of_repository) {
        Some(revision) => format!("{version} ({})", revision.get(..REVISION_LENGTH).unwrap_or(&revision)),
        None => version,
    };
    println!("cargo::rustc-env=POSTMQTT_VERSION={version}");
}

/// The revision that is checked out, if this package is a part of its own repository and not of another one that contains a
/// copy of it.
fn revision_of_repository() -> Option<String> {
    if git(&["rev-parse", "--show-prefix"])? != "crates/bridge/" {
        return None;
    }
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    let files = [Some("HEAD"), branch.as_deref(), Some("packed-refs")];
    for path in files.into_iter().flatten().filter_map(|file| git(&["rev-parse", "--git-path", file])) {
        // Cargo would run this each time if a file did not exist.
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
