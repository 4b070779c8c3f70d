//! protoc, which compiles the Protocol Buffers of RMQTT.

use std::path::PathBuf;

use super::apt;
use crate::command;
use crate::error::{Error, Result};

/// The program `protoc`: `$PROTOC`, or found, or installed.
///
/// # Errors
/// Returns an error if it is missing and cannot be installed.
pub fn protoc() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("PROTOC") {
        return Ok(given.into());
    }
    if let Some(found) = command::find("protoc") {
        return Ok(found);
    }
    apt::ensure(&["protobuf-compiler"], "to build RMQTT")?;
    command::find("protoc").ok_or_else(|| Error::new("protoc was installed, but is not on the PATH."))
}
