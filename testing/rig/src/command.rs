//! Running another program to its end.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Context, Error, Result};

/// Runs it with its output on this terminal.
///
/// # Errors
/// Where it cannot be started, or fails.
pub fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    let status = command.stdin(Stdio::null()).status().context(|| format!("`{line}` cannot be started"))?;
    if status.success() { Ok(()) } else { Err(Error::new(format!("`{line}` failed ({status})."))) }
}

/// Runs it and returns what it printed on standard output.
///
/// # Errors
/// Where it cannot be started, or fails: then with everything that it printed.
pub fn output(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command.stdin(Stdio::null()).output().context(|| format!("`{line}` cannot be started"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let log = format!("{stdout}{}", String::from_utf8_lossy(&output.stderr));
    Err(Error::new(format!("`{line}` failed ({}).", output.status)).with_log(log))
}

/// The program of this name on `PATH` or where Debian keeps its daemons.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|directory| directory.join(program))
        .find(|candidate| is_executable(candidate))
}

/// The command as one would type it.
#[must_use]
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
