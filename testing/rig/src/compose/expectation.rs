//! What a check demands of the services.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How long something may take to happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// An error with this sentence, unless it is so.
pub(super) fn expect(condition: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if condition { Ok(()) } else { Err(Error::new(otherwise())) }
}

/// Asks until it is so.
pub(super) fn eventually(what: &str, mut ask: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !ask()? {
        expect(Instant::now() < deadline, || format!("It did not happen within a minute: {what}."))?;
        std::thread::sleep(Duration::from_millis(250));
    }
    Ok(())
}
