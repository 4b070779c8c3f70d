//! The start of Client Identifiers.

use super::invalid_setting::InvalidSetting;

/// Some brokers limit the Client Identifier. A longer prefix would leave too little of it.
const MAX_PREFIX_BYTES: usize = 100;

/// Returns an error if the prefix is too long or contains control characters. `flag` sets it.
pub(super) fn check_prefix(flag: &str, prefix: &str) -> Result<(), InvalidSetting> {
    if prefix.len() > MAX_PREFIX_BYTES || prefix.contains(char::is_control) {
        return Err(InvalidSetting(format!(
            "{flag}: expected at most {MAX_PREFIX_BYTES} bytes without control characters"
        )));
    }
    Ok(())
}
