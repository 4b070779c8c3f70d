//! mosquitto_sub, a subscriber for the command line.

use std::path::PathBuf;

use super::apt;
use crate::command;
use crate::error::{Error, Result};

/// The program `mosquitto_sub`: found, or installed.
///
/// # Errors
/// Returns an error if it is missing and cannot be installed.
pub fn mosquitto_sub() -> Result<PathBuf> {
    if let Some(found) = command::find("mosquitto_sub") {
        return Ok(found);
    }
    apt::ensure(&["mosquitto-clients"], "for a subscriber")?;
    command::find("mosquitto_sub")
        .ok_or_else(|| Error::new("mosquitto-clients was installed, but mosquitto_sub is not on the PATH."))
}
