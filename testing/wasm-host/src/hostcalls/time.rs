//! Time. It stands still, and nothing ticks.

use crate::guest::{Done, Guest};

pub(super) fn proxy_get_current_time_nanoseconds(guest: &mut Guest<'_, '_>, time: u32) -> Done {
    let now = guest.world().now;
    guest.write(time, &now.to_le_bytes())
}

pub(super) fn proxy_set_tick_period_milliseconds(_: &mut Guest<'_, '_>, _: u32) -> Done {
    Ok(())
}
