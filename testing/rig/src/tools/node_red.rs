//! Node-RED, which others publish with: a flow from HTTP to MQTT.

use std::path::PathBuf;

use super::npm::Npm;
use crate::error::Result;

const NPM: Npm = Npm { package: "node-red", version: "4.1.15", program: "node-red" };

/// The script of Node-RED for `node`, fetched unless it is there.
///
/// # Errors
/// Returns an error if it cannot be fetched.
pub fn node_red() -> Result<PathBuf> {
    Ok(NPM.ensure_library()?.join("node-red").join("red.js"))
}
