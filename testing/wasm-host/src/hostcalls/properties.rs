//! Properties: what the host tells about a request.

use crate::guest::{Done, Guest};

pub(super) fn proxy_get_property(
    guest: &mut Guest<'_, '_>,
    path: u32,
    path_length: u32,
    data: u32,
    length: u32,
) -> Done {
    let path = guest.read(path, path_length)?;
    let value = guest.world().properties.get(&path)?.to_vec();
    guest.give(&value, data, length)
}
