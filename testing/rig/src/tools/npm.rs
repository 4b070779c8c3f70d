//! Programs that come as npm packages: each with its dependencies in a directory of its own in the target directory.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::apt;
use crate::error::{Context, Error, Result};
use crate::{command, repo};

/// A program in an npm package, or a library.
pub(super) struct Npm {
    /// The package's name in the npm registry.
    pub(super) package: &'static str,
    /// The version that is tested here.
    pub(super) version: &'static str,
    /// The program's name, or the library's.
    pub(super) program: &'static str,
}

/// Older releases of Node.js lack what the programs use.
const OLDEST_NODE: u32 = 20;

impl Npm {
    /// The program, fetched unless it is there and runs.
    pub(super) fn ensure(&self) -> Result<PathBuf> {
        let program = self.node_modules().join(".bin").join(self.program);
        self.fetch_unless(|| runs(&program))?;
        command::output(Command::new(&program).arg("--version"))?;
        Ok(program)
    }

    /// The `node_modules` directory of a package that has no program, fetched unless it is there.
    pub(super) fn ensure_library(&self) -> Result<PathBuf> {
        let modules = self.node_modules();
        self.fetch_unless(|| modules.join(self.package).join("package.json").is_file())?;
        Ok(modules)
    }

    fn directory(&self) -> PathBuf {
        repo::tools().join(format!("{}-{}", self.program, self.version))
    }

    fn node_modules(&self) -> PathBuf {
        self.directory().join("node_modules")
    }

    fn fetch_unless(&self, there: impl Fn() -> bool) -> Result<()> {
        // Tests that run at the same time must not both fetch.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        if there() {
            return Ok(());
        }
        ensure_node()?;
        let directory = self.directory();
        eprintln!("npm install {}@{}: into {}", self.package, self.version, repo::shown(&directory));
        // npm looks for the directory that a package belongs to above it, unless it exists.
        std::fs::create_dir_all(&directory).context(|| format!("{} cannot be made", directory.display()))?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]);
        npm.arg("--prefix").arg(&directory).arg(format!("{}@{}", self.package, self.version));
        command::output(&mut npm).map(drop)
    }
}

fn runs(program: &PathBuf) -> bool {
    command::output(Command::new(program).arg("--version")).is_ok()
}

/// Node.js and npm, installed unless they are there.
pub(super) fn ensure_node() -> Result<()> {
    if command::find("node").is_none() || command::find("npm").is_none() {
        apt::ensure(&["nodejs", "npm"], "to run the clients' collections")?;
    }
    let printed = command::output(Command::new("node").arg("--version"))?;
    match major(&printed) {
        Some(found) if found >= OLDEST_NODE => Ok(()),
        _ => Err(Error::new(format!(
            "Node.js {OLDEST_NODE} or newer, with npm, is needed to run the clients' collections; this machine has {}.",
            printed.trim()
        ))),
    }
}

/// Reads `v20.20.2`.
fn major(printed: &str) -> Option<u32> {
    printed.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_node_prints() {
        for (printed, expected) in [("v20.20.2\n", Some(20)), ("v9.0.0", Some(9)), ("20", None), ("", None)] {
            assert_eq!(major(printed), expected, "{printed}");
        }
    }
}
