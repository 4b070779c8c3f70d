//! Properties: what the host tells about a request, and what the filter notes down on it.

use crate::Status;
use crate::guest::{Done, Guest};

pub(super) fn proxy_get_property(
    guest: &mut Guest<'_, '_>,
    path: u32,
    path_length: u32,
    data: u32,
    length: u32,
) -> Done {
    let path = guest.read(path, path_length)?;
    let world = guest.world();
    let noted = world.exchange().and_then(|exchange| exchange.properties.get(&path)).cloned();
    let value = match noted {
        Some(value) => value,
        None => world.properties.get(&path)?.to_vec(),
    };
    guest.give(&value, data, length)
}

/// Only on a request.
pub(super) fn proxy_set_property(
    guest: &mut Guest<'_, '_>,
    path: u32,
    path_length: u32,
    value: u32,
    value_length: u32,
) -> Done {
    let path = guest.read(path, path_length)?;
    let value = guest.read(value, value_length)?;
    guest.world().exchange().ok_or(Status::NotFound)?.properties.insert(path, value);
    Ok(())
}
