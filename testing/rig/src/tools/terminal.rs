//! What the documentation tells a reader to type: curl and mosquitto_sub.

use super::apt;
use crate::command;
use crate::error::Result;

/// Installs `curl` and `mosquitto_sub` where they are missing.
///
/// # Errors
/// Where one is missing and cannot be installed.
pub fn terminal() -> Result<()> {
    for (program, package) in [("curl", "curl"), ("mosquitto_sub", "mosquitto-clients")] {
        if command::find(program).is_none() {
            apt::ensure(&[package], "for the commands that the documentation shows")?;
        }
    }
    Ok(())
}
