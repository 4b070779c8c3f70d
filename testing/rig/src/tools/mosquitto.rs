//! Mosquitto, the broker of the tests.

use std::path::PathBuf;

use super::apt;
use crate::command;
use crate::error::{Error, Result};

/// The program `mosquitto`: `$MOSQUITTO`, or found, or installed.
///
/// # Errors
/// Where it is missing and cannot be installed.
pub fn mosquitto() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("MOSQUITTO") {
        return Ok(given.into());
    }
    if let Some(found) = command::find("mosquitto") {
        return Ok(found);
    }
    apt::ensure(&["mosquitto"], "for the broker that the tests run against")?;
    command::find("mosquitto").ok_or_else(|| Error::new("mosquitto was installed, but is not on the PATH."))
}

/// The program `mosquitto_passwd`, which comes with Mosquitto.
///
/// # Errors
/// Where it is missing and cannot be installed.
pub fn mosquitto_passwd() -> Result<PathBuf> {
    if let Some(found) = command::find("mosquitto_passwd") {
        return Ok(found);
    }
    apt::ensure(&["mosquitto"], "for the passwords of the broker that the tests run against")?;
    command::find("mosquitto_passwd")
        .ok_or_else(|| Error::new("mosquitto was installed, but mosquitto_passwd is not on the PATH."))
}
