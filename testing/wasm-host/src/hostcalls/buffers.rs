//! Buffers: bodies and the configuration.

use crate::Status;
use crate::guest::{Done, Guest};
use crate::world::World;

const REQUEST_BODY: u32 = 0;
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

/// Replaces all bytes of the request's body, which is all that the filter does with it: Envoy refuses to replace a part.
pub(super) fn proxy_set_buffer_bytes(
    guest: &mut Guest<'_, '_>,
    buffer: u32,
    start: u32,
    length: u32,
    data: u32,
    data_length: u32,
) -> Done {
    let bytes = guest.read(data, data_length)?;
    if buffer != REQUEST_BODY {
        return Err(Status::NotFound.into());
    }
    let body =
        guest.world().exchange().and_then(|exchange| exchange.body.as_mut()).ok_or(Status::NotFound)?;
    if start != 0 || index(length) < body.len() {
        return Err(Status::BadArgument.into());
    }
    *body = bytes;
    Ok(())
}

fn content(world: &World, buffer: u32) -> Result<&[u8], Status> {
    let exchange = world.exchanges.get(&world.context);
    let bytes = match buffer {
        REQUEST_BODY => exchange.and_then(|exchange| exchange.body.as_deref()),
        PLUGIN_CONFIGURATION => Some(world.configuration.as_slice()),
        _ => None,
    };
    bytes.ok_or(Status::NotFound)
}

fn index(word: u32) -> usize {
    usize::try_from(word).unwrap_or(usize::MAX)
}
