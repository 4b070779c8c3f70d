//! h2load, the load generator of `cargo xtask bench`.

use std::path::PathBuf;

use super::apt;
use crate::command;
use crate::error::{Error, Result};

/// The program `h2load`: found, or installed.
///
/// # Errors
/// Where it is missing and cannot be installed.
pub fn h2load() -> Result<PathBuf> {
    if let Some(found) = command::find("h2load") {
        return Ok(found);
    }
    apt::ensure(&["nghttp2-client"], "for the load of the benchmark")?;
    command::find("h2load").ok_or_else(|| Error::new("h2load was installed, but is not on the PATH."))
}
