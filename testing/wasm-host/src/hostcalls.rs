//! The hostcalls: the imports that a filter on the ABI 0.2.1 may have, one function each, grouped by what they are about.
//!
//! They follow what Envoy does where a filter can tell, and calls to other servers find none.

mod buffers;
mod calls;
mod fields;
mod log;
mod metrics;
mod properties;
mod shared;
mod streams;
mod time;
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
        log::proxy_get_log_level(level);
        time::proxy_get_current_time_nanoseconds(time);
        time::proxy_set_tick_period_milliseconds(period);
        fields::proxy_get_header_map_pairs(map, data, length);
        fields::proxy_set_header_map_pairs(map, data, length);
        fields::proxy_get_header_map_size(map, size);
        fields::proxy_get_header_map_value(map, name, name_length, data, length);
        fields::proxy_add_header_map_value(map, name, name_length, value, value_length);
        fields::proxy_replace_header_map_value(map, name, name_length, value, value_length);
        fields::proxy_remove_header_map_value(map, name, name_length);
        buffers::proxy_get_buffer_bytes(buffer, start, most, data, length);
        buffers::proxy_get_buffer_status(buffer, length, flags);
        buffers::proxy_set_buffer_bytes(buffer, start, most, data, length);
        properties::proxy_get_property(path, path_length, data, length);
        properties::proxy_set_property(path, path_length, value, value_length);
        metrics::proxy_define_metric(kind, name, name_length, number);
        metrics::proxy_increment_metric(number, offset);
        metrics::proxy_record_metric(number, value);
        metrics::proxy_get_metric(number, value);
        streams::proxy_send_local_response(
            status, details, details_length, body, body_length, fields, fields_length, grpc_status
        );
        streams::proxy_continue_stream(stream);
        streams::proxy_close_stream(stream);
        streams::proxy_set_effective_context(context);
        streams::proxy_done();
        shared::proxy_get_shared_data(key, key_length, data, length, cas);
        shared::proxy_set_shared_data(key, key_length, value, value_length, cas);
        shared::proxy_register_shared_queue(name, name_length, number);
        shared::proxy_resolve_shared_queue(vm, vm_length, name, name_length, number);
        shared::proxy_enqueue_shared_queue(number, value, value_length);
        shared::proxy_dequeue_shared_queue(number, data, length);
        calls::proxy_http_call(
            upstream, upstream_length, fields, fields_length, body, body_length, trailers, trailers_length,
            timeout, token
        );
        calls::proxy_grpc_call(
            upstream, upstream_length, service, service_length, method, method_length, metadata,
            metadata_length, message, message_length, timeout, token
        );
        calls::proxy_grpc_stream(
            upstream, upstream_length, service, service_length, method, method_length, metadata,
            metadata_length, token
        );
        calls::proxy_grpc_send(token, message, message_length, end);
        calls::proxy_grpc_cancel(token);
        calls::proxy_grpc_close(token);
        calls::proxy_get_status(code, data, length);
        calls::proxy_call_foreign_function(name, name_length, argument, argument_length, data, length);
    }
    wasi::link(linker)
}
