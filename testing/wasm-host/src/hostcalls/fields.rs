//! Fields of requests and responses.

use crate::guest::{Done, Guest};
use crate::{Fields, Status};

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

pub(super) fn proxy_set_header_map_pairs(
    guest: &mut Guest<'_, '_>,
    map: u32,
    data: u32,
    length: u32,
) -> Done {
    let fields = Fields::from_abi(&guest.read(data, length)?);
    *guest.world().fields_mut(map)? = fields;
    Ok(())
}

pub(super) fn proxy_get_header_map_size(guest: &mut Guest<'_, '_>, map: u32, size: u32) -> Done {
    let fields = guest.world().fields(map)?.ok_or(Status::BadArgument)?;
    let bytes: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    guest.write_word(size, u32::try_from(bytes).unwrap_or(u32::MAX))
}

/// The first value of that name alone.
pub(super) fn proxy_get_header_map_value(
    guest: &mut Guest<'_, '_>,
    map: u32,
    name: u32,
    name_length: u32,
    data: u32,
    length: u32,
) -> Done {
    let name = guest.read(name, name_length)?.to_ascii_lowercase();
    let is_logging = guest.world().exchange().is_some_and(|exchange| exchange.is_logging);
    let none = if is_logging { Status::NotFound } else { Status::BadArgument };
    let fields = guest.world().fields(map)?.ok_or(none)?;
    let value = fields.get(&name).ok_or(Status::NotFound)?.to_vec();
    guest.give(&value, data, length)
}

pub(super) fn proxy_add_header_map_value(
    guest: &mut Guest<'_, '_>,
    map: u32,
    name: u32,
    name_length: u32,
    value: u32,
    value_length: u32,
) -> Done {
    let name = guest.read(name, name_length)?.to_ascii_lowercase();
    let value = guest.read(value, value_length)?;
    guest.world().fields_mut(map)?.push(name, value);
    Ok(())
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
