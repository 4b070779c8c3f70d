//! Shared data and queues.

use crate::guest::{Done, Guest};

pub(super) fn proxy_get_shared_data(
    guest: &mut Guest<'_, '_>,
    key: u32,
    key_length: u32,
    data: u32,
    length: u32,
    cas: u32,
) -> Done {
    let key = guest.read(key, key_length)?;
    let (value, number) = guest.world().shared.get(&key)?.clone();
    guest.give(&value, data, length)?;
    guest.write_word(cas, number)
}

pub(super) fn proxy_set_shared_data(
    guest: &mut Guest<'_, '_>,
    key: u32,
    key_length: u32,
    value: u32,
    value_length: u32,
    cas: u32,
) -> Done {
    let key = guest.read(key, key_length)?;
    let value = guest.read(value, value_length)?;
    Ok(guest.world().shared.set(&key, value, cas)?)
}

pub(super) fn proxy_register_shared_queue(
    guest: &mut Guest<'_, '_>,
    name: u32,
    name_length: u32,
    number: u32,
) -> Done {
    let name = guest.read(name, name_length)?;
    let queue = guest.world().shared.register_queue(&name)?;
    guest.write_word(number, queue)
}

/// There is one virtual machine, whatever its name.
pub(super) fn proxy_resolve_shared_queue(
    guest: &mut Guest<'_, '_>,
    _vm: u32,
    _vm_length: u32,
    name: u32,
    name_length: u32,
    number: u32,
) -> Done {
    let name = guest.read(name, name_length)?;
    let queue = guest.world().shared.queue(&name)?;
    guest.write_word(number, queue)
}

pub(super) fn proxy_enqueue_shared_queue(
    guest: &mut Guest<'_, '_>,
    number: u32,
    value: u32,
    value_length: u32,
) -> Done {
    let value = guest.read(value, value_length)?;
    Ok(guest.world().shared.enqueue(number, value)?)
}

pub(super) fn proxy_dequeue_shared_queue(
    guest: &mut Guest<'_, '_>,
    number: u32,
    data: u32,
    length: u32,
) -> Done {
    let value = guest.world().shared.dequeue(number)?;
    guest.give(&value, data, length)
}
