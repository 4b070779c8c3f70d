//! The crates that a part of the release is linked from.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

use rig::error::Context;
use rig::{Error, Result, command, repo};
use serde_json::Value;

/// A crate of a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) version: String,
    /// An SPDX expression, or empty where the crate names a file instead.
    pub(super) licence: String,
    /// Where its sources are.
    pub(super) directory: PathBuf,
}

/// All that `package` is linked from for `target`, in order. Left out are the crates of this repository, and those that
/// only run while compiling: procedural macros and what build scripts need.
pub(super) fn of(package: &str, target: &str) -> Result<Vec<Part>> {
    let known = registry_packages(target)?;
    let mut parts = BTreeSet::new();
    for line in tree(package, target)?.lines().map(str::trim).filter(|line| !line.is_empty()) {
        // `name v1.2.3`, then the path of a crate of this repository.
        let mut words = line.split(' ');
        let (Some(name), Some(version), None) = (words.next(), words.next(), words.next()) else { continue };
        let key = (name.to_owned(), version.trim_start_matches('v').to_owned());
        let part = known.get(&key).ok_or_else(|| Error::new(format!("cargo metadata knows no {line}.")))?;
        parts.insert(part.clone());
    }
    Ok(parts.into_iter().collect())
}

fn tree(package: &str, target: &str) -> Result<String> {
    let mut cargo = Command::new("cargo");
    cargo.args([
        "tree",
        "--locked",
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    cargo.args(["--package", package, "--target", target]);
    command::output(cargo.current_dir(repo::root())).map(|printed| {
        printed.lines().map(|line| line.trim_end_matches(" (*)")).collect::<Vec<_>>().join("\n")
    })
}

fn registry_packages(target: &str) -> Result<HashMap<(String, String), Part>> {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--locked", "--format-version", "1", "--filter-platform", target]);
    let metadata: Value = serde_json::from_str(&command::output(cargo.current_dir(repo::root()))?)
        .context(|| "cargo metadata is not JSON".to_owned())?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    Ok(packages.filter(|package| package["source"].is_string()).filter_map(part).collect())
}

fn part(package: &Value) -> Option<((String, String), Part)> {
    let text = |field: &str| package[field].as_str().unwrap_or_default().to_owned();
    let directory = Path::new(package["manifest_path"].as_str()?).parent()?.to_path_buf();
    let part = Part { name: text("name"), version: text("version"), licence: text("license"), directory };
    Some(((part.name.clone(), part.version.clone()), part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_is_linked_from_what_it_runs_and_not_from_a_procedural_macro() {
        let parts = of("postmqtt", "wasm32-wasip1").unwrap();
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        assert!(names.contains(&"serde_json"), "{names:?}");
        assert!(!names.contains(&"serde_derive") && !names.contains(&"postmqtt"), "{names:?}");
        let without: Vec<&Part> = parts.iter().filter(|part| part.licence.is_empty()).collect();
        assert!(without.is_empty(), "{without:?}");
    }
}
