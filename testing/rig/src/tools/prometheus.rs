//! Prometheus, which evaluates the shipped rules and queries, and promtool, which checks them.

use std::path::PathBuf;

use super::apt;
use crate::command;
use crate::error::{Error, Result};

/// The program `prometheus`: `$PROMETHEUS`, or found, or installed.
///
/// # Errors
/// Where it is missing and cannot be installed.
pub fn prometheus() -> Result<PathBuf> {
    ensure("prometheus", "PROMETHEUS")
}

/// The program `promtool`: `$PROMTOOL`, or found, or installed.
///
/// # Errors
/// Where it is missing and cannot be installed.
pub fn promtool() -> Result<PathBuf> {
    ensure("promtool", "PROMTOOL")
}

/// One of the two, which come in one package.
fn ensure(program: &str, variable: &str) -> Result<PathBuf> {
    if let Some(given) = std::env::var_os(variable) {
        return Ok(given.into());
    }
    if let Some(found) = command::find(program) {
        return Ok(found);
    }
    apt::ensure(&["prometheus"], "to run the dashboard's queries and the alerts")?;
    command::find(program).ok_or_else(|| {
        Error::new(format!("Debian's package prometheus was installed, but {program} is not on the PATH."))
    })
}
