//! Calls out of the filter: to other servers, of which there are none, and to functions that Envoy adds to the ABI.

use crate::Status;
use crate::guest::{Done, Guest};

#[allow(clippy::too_many_arguments)]
pub(super) fn proxy_http_call(
    _: &mut Guest<'_, '_>,
    _upstream: u32,
    _upstream_length: u32,
    _fields: u32,
    _fields_length: u32,
    _body: u32,
    _body_length: u32,
    _trailers: u32,
    _trailers_length: u32,
    _timeout: u32,
    _token: u32,
) -> Done {
    Err(Status::BadArgument.into())
}

#[allow(clippy::too_many_arguments)]
pub(super) fn proxy_grpc_call(
    _: &mut Guest<'_, '_>,
    _upstream: u32,
    _upstream_length: u32,
    _service: u32,
    _service_length: u32,
    _method: u32,
    _method_length: u32,
    _metadata: u32,
    _metadata_length: u32,
    _message: u32,
    _message_length: u32,
    _timeout: u32,
    _token: u32,
) -> Done {
    Err(Status::ParseFailure.into())
}

#[allow(clippy::too_many_arguments)]
pub(super) fn proxy_grpc_stream(
    _: &mut Guest<'_, '_>,
    _upstream: u32,
    _upstream_length: u32,
    _service: u32,
    _service_length: u32,
    _method: u32,
    _method_length: u32,
    _metadata: u32,
    _metadata_length: u32,
    _token: u32,
) -> Done {
    Err(Status::ParseFailure.into())
}

pub(super) fn proxy_grpc_send(
    _: &mut Guest<'_, '_>,
    _token: u32,
    _message: u32,
    _message_length: u32,
    _end: u32,
) -> Done {
    Err(Status::NotFound.into())
}

pub(super) fn proxy_grpc_cancel(_: &mut Guest<'_, '_>, _token: u32) -> Done {
    Err(Status::NotFound.into())
}

pub(super) fn proxy_grpc_close(_: &mut Guest<'_, '_>, _token: u32) -> Done {
    Err(Status::NotFound.into())
}

/// The status of the last call; there was none.
pub(super) fn proxy_get_status(guest: &mut Guest<'_, '_>, code: u32, data: u32, length: u32) -> Done {
    guest.write_word(code, 0)?;
    guest.give(&[], data, length)
}

/// Knows the one function that a filter which routes may want.
pub(super) fn proxy_call_foreign_function(
    guest: &mut Guest<'_, '_>,
    name: u32,
    name_length: u32,
    _argument: u32,
    _argument_length: u32,
    data: u32,
    length: u32,
) -> Done {
    let name = guest.read(name, name_length)?;
    if name != b"clear_route_cache" {
        return Err(Status::NotFound.into());
    }
    guest.world().foreign_calls.push(String::from_utf8_lossy(&name).into_owned());
    guest.give(&[], data, length)
}
