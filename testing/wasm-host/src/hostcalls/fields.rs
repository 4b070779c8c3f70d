//! Fields of requests.

use crate::Fields;
use crate::guest::{Done, Guest};

/// Outside its time a map is not an error here, but empty.
pub(super) fn proxy_get_header_map_pairs(
    guest: &mut Guest<'_, '_>,
    map: u32,
    data: u32,
    length: u32,
) -> Done {
    let fields = guest.world().fields(map)?;
    let bytes = fields.filter(|fields| !fields.is_empty()).map(Fields::to_abi).unwrap_or_default();
    guest.give(&bytes, data, length)
}

pub(super) fn proxy_replace_header_map_value(
    guest: &mut Guest<'_, '_>,
    map: u32,
    name: u32,
    name_length: u32,
    value: u32,
    value_length: u32,
) -> Done {
    let name = guest.read(name, name_length)?.to_ascii_lowercase();
    let value = guest.read(value, value_length)?;
    guest.world().fields_mut(map)?.set(name, value);
    Ok(())
}

pub(super) fn proxy_remove_header_map_value(
    guest: &mut Guest<'_, '_>,
    map: u32,
    name: u32,
    name_length: u32,
) -> Done {
    let name = guest.read(name, name_length)?.to_ascii_lowercase();
    guest.world().fields_mut(map)?.remove(name);
    Ok(())
}
