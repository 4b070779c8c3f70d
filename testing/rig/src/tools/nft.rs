//! nft, which tells Linux's packet filter what to drop.

use std::path::PathBuf;

use super::apt;
use crate::command;
use crate::error::{Error, Result};

/// The program `nft`: found, or installed.
///
/// # Errors
/// Returns an error if it is missing and cannot be installed.
pub fn nft() -> Result<PathBuf> {
    if let Some(found) = command::find("nft") {
        return Ok(found);
    }
    apt::ensure(&["nftables"], "to lose packets in a test")?;
    command::find("nft").ok_or_else(|| Error::new("nftables was installed, but nft is not on the PATH."))
}
