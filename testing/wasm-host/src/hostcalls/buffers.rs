//! Buffers: bodies and the configuration.

use crate::Status;
use crate::guest::{Done, Guest};
use crate::world::World;

const REQUEST_BODY: u32 = 0;
const RESPONSE_BODY: u32 = 1;
const VM_CONFIGURATION: u32 = 6;
const PLUGIN_CONFIGURATION: u32 = 7;

/// Gives what there is of the range; of an empty one nothing, not even its length.
pub(super) fn proxy_get_buffer_bytes(
    guest: &mut Guest<'_, '_>,
    buffer: u32,
    start: u32,
    most: u32,
    data: u32,
    length: u32,
) -> Done {
    let end = start.checked_add(most).ok_or(Status::BadArgument)?;
    let bytes = content(guest.world(), buffer)?;
    let end = index(end).min(bytes.len());
    let bytes = bytes.get(index(start)..end).unwrap_or_default().to_vec();
    if bytes.is_empty() {
        return Ok(());
    }
    guest.give(&bytes, data, length)
}

pub(super) fn proxy_get_buffer_status(
    guest: &mut Guest<'_, '_>,
    buffer: u32,
    length: u32,
    flags: u32,
) -> Done {
    let size = content(guest.world(), buffer)?.len();
    guest.write_word(length, u32::try_from(size).unwrap_or(u32::MAX))?;
    guest.write_word(flags, 0)
}

/// Puts bytes in the place of a range; a range past the end appends.
pub(super) fn proxy_set_buffer_bytes(
    guest: &mut Guest<'_, '_>,
    buffer: u32,
    start: u32,
    most: u32,
    data: u32,
    length: u32,
) -> Done {
    let bytes = guest.read(data, length)?;
    let exchange = guest.world().exchange().ok_or(Status::NotFound)?;
    let body = match buffer {
        REQUEST_BODY => exchange.request.body.as_mut(),
        RESPONSE_BODY => exchange.response.body.as_mut(),
        _ => return Err(Status::BadArgument.into()),
    };
    let body = body.ok_or(Status::NotFound)?;
    let start = index(start).min(body.len());
    let end = start.saturating_add(index(most)).min(body.len());
    body.splice(start..end, bytes);
    Ok(())
}

fn content(world: &World, buffer: u32) -> Result<&[u8], Status> {
    let exchange = world.exchanges.get(&world.context);
    let bytes = match buffer {
        REQUEST_BODY => exchange.and_then(|exchange| exchange.request.body.as_deref()),
        RESPONSE_BODY => exchange.and_then(|exchange| exchange.response.body.as_deref()),
        VM_CONFIGURATION => Some(&[][..]),
        PLUGIN_CONFIGURATION => Some(world.configuration.as_slice()),
        _ => None,
    };
    bytes.ok_or(Status::NotFound)
}

fn index(word: u32) -> usize {
    usize::try_from(word).unwrap_or(usize::MAX)
}
