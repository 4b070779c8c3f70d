//! Metrics.

use crate::guest::{Done, Guest};

pub(super) fn proxy_define_metric(
    guest: &mut Guest<'_, '_>,
    kind: u32,
    name: u32,
    name_length: u32,
    number: u32,
) -> Done {
    let name = guest.read(name, name_length)?;
    let defined = guest.world().metrics.define(kind, &name)?;
    guest.write_word(number, defined)
}

pub(super) fn proxy_increment_metric(guest: &mut Guest<'_, '_>, number: u32, offset: i64) -> Done {
    Ok(guest.world().metrics.increment(number, offset)?)
}
