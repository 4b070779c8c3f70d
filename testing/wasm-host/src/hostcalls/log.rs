//! The log.

use crate::guest::{Done, Guest};
use crate::{LogLevel, LogLine, Status};

pub(super) fn proxy_log(guest: &mut Guest<'_, '_>, level: u32, text: u32, length: u32) -> Done {
    let level = LogLevel::from_abi(level).ok_or(Status::BadArgument)?;
    let text = guest.read(text, length)?;
    guest.world().log.push(LogLine { level, text: String::from_utf8_lossy(&text).into_owned() });
    Ok(())
}
