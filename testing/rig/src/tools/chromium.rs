//! Chromium, for pages that publish.

use std::path::PathBuf;

use super::apt;
use crate::command;
use crate::error::{Error, Result};

/// The program `chromium`: `$CHROMIUM`, or found under one of its names, or installed.
///
/// # Errors
/// Returns an error if it is missing and cannot be installed.
pub fn chromium() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("CHROMIUM") {
        return Ok(given.into());
    }
    let find = || ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(command::find);
    if let Some(found) = find() {
        return Ok(found);
    }
    apt::ensure(&["chromium"], "for the page that publishes from a browser")?;
    find().ok_or_else(|| Error::new("chromium was installed, but is not on the PATH."))
}
