//! debootstrap, which makes a file system of Debian.

use std::path::PathBuf;

use super::apt;
use crate::command;
use crate::error::{Error, Result};

/// The program `debootstrap`, found or installed.
///
/// # Errors
/// Returns an error if it is missing and cannot be installed.
pub fn debootstrap() -> Result<PathBuf> {
    if command::find("debootstrap").is_none() {
        apt::ensure(&["debootstrap"], "to make images that cannot be pulled")?;
    }
    command::find("debootstrap")
        .ok_or_else(|| Error::new("debootstrap was installed, but is not on the PATH."))
}
