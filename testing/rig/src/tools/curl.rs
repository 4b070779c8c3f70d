//! curl, with HTTP/2.

use std::path::PathBuf;

use super::apt;
use crate::command;
use crate::error::{Error, Result};

/// The program `curl`: `$CURL`, or found, or installed.
///
/// # Errors
/// Returns an error if it is missing and cannot be installed.
pub fn curl() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("CURL") {
        return Ok(given.into());
    }
    if let Some(found) = command::find("curl") {
        return Ok(found);
    }
    apt::ensure(&["curl"], "for the client that most people try first")?;
    command::find("curl").ok_or_else(|| Error::new("curl was installed, but is not on the PATH."))
}
