//! Valgrind, which counts the instructions of the native filter.

use std::path::PathBuf;

use super::apt;
use crate::command;
use crate::error::{Error, Result};

/// The program `valgrind`: found, or installed.
///
/// # Errors
/// Where it is missing and cannot be installed.
pub fn valgrind() -> Result<PathBuf> {
    if let Some(found) = command::find("valgrind") {
        return Ok(found);
    }
    apt::ensure(&["valgrind"], "to count the instructions of the native filter")?;
    command::find("valgrind").ok_or_else(|| Error::new("valgrind was installed, but is not on the PATH."))
}
