//! The software bill of materials, in CycloneDX, which cargo-cyclonedx writes.

use std::fs;
use std::path::Path;
use std::process::Command;

use rig::error::Context;
use rig::{Error, Result, command, repo, tools};

/// What cargo-cyclonedx is told to name its files, beside each crate's manifest.
const NAME: &str = "release.cdx";

/// Writes the bill of `package` for `target` to `to`. `seconds` is the time that the bill names.
pub(super) fn write(package: &Package, target: &str, seconds: u64, to: &Path) -> Result<()> {
    let mut cyclonedx = Command::new(tools::cargo_cyclonedx()?);
    cyclonedx.args(["cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5"]);
    cyclonedx.args(["--target", target, "--override-filename", NAME]);
    cyclonedx.arg("--manifest-path").arg(repo::root().join(package.directory).join("Cargo.toml"));
    // The same sources have the same bill.
    cyclonedx.env("SOURCE_DATE_EPOCH", seconds.to_string());
    let written = command::output(cyclonedx.current_dir(repo::root()));
    let bill = take(package)?;
    written?;
    let bill = bill.ok_or_else(|| Error::new("cargo-cyclonedx wrote no bill."))?;
    // The crates of this repository are named by their paths, which differ from machine to machine.
    let bill = bill.replace(&*repo::root().to_string_lossy(), "");
    fs::write(to, bill).context(|| format!("{} cannot be written", to.display()))
}

/// A crate of this repository.
pub(super) struct Package {
    pub(super) name: &'static str,
    /// From the repository's root.
    pub(super) directory: &'static str,
}

/// Reads this package's bill, and removes those that the tool wrote beside the manifests of the others.
fn take(package: &Package) -> Result<Option<String>> {
    let wanted = repo::root().join(package.directory).join(format!("{NAME}.json"));
    let bill = fs::read_to_string(&wanted).ok();
    let mut git = Command::new("git");
    git.args(["ls-files", "--others", "--", &format!("*{NAME}.json")]).current_dir(repo::root());
    for path in command::output(&mut git)?.lines() {
        let path = repo::root().join(path);
        fs::remove_file(&path).context(|| format!("{} cannot be removed", path.display()))?;
    }
    Ok(bill)
}
