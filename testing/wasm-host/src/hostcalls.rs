//! The hostcalls that the filter makes, one function each, grouped by what they are about. They do what Envoy does where a
//! filter can tell.

mod buffers;
mod fields;
mod log;
mod metrics;
mod properties;
mod streams;
mod wasi;

use wasmtime::{Caller, Linker};

use crate::guest::hostcall;
use crate::world::World;

macro_rules! imports {
    ($linker:ident; $( $module:ident::$name:ident($($argument:ident),*); )*) => {
        $( $linker.func_wrap(
            "env",
            stringify!($name),
            |caller: Caller<'_, World>, $($argument),*| {
                hostcall(caller, stringify!($name), |guest| $module::$name(guest, $($argument),*))
            },
        )?; )*
    };
}

/// Adds every import.
pub(crate) fn link(linker: &mut Linker<World>) -> wasmtime::Result<()> {
    imports! { linker;
        log::proxy_log(level, text, length);
        fields::proxy_get_header_map_pairs(map, data, length);
        fields::proxy_replace_header_map_value(map, name, name_length, value, value_length);
        fields::proxy_remove_header_map_value(map, name, name_length);
        buffers::proxy_get_buffer_bytes(buffer, start, most, data, length);
        buffers::proxy_set_buffer_bytes(buffer, start, length, data, data_length);
        properties::proxy_get_property(path, path_length, data, length);
        metrics::proxy_define_metric(kind, name, name_length, number);
        metrics::proxy_increment_metric(number, offset);
        streams::proxy_send_local_response(
            status, details, details_length, body, body_length, fields, fields_length, grpc_status
        );
    }
    wasi::link(linker)
}
