//! The request's fate: answered here, or sent on.

use crate::exchange::LocalReply;
use crate::guest::{Done, Guest};
use crate::{Action, Fields, Status};

const REQUEST: u32 = 0;
const RESPONSE: u32 = 1;

/// A request is answered once.
#[allow(clippy::too_many_arguments)]
pub(super) fn proxy_send_local_response(
    guest: &mut Guest<'_, '_>,
    status: u32,
    details: u32,
    details_length: u32,
    body: u32,
    body_length: u32,
    fields: u32,
    fields_length: u32,
    _grpc_status: u32,
) -> Done {
    let details = guest.read(details, details_length)?;
    let body = guest.read(body, body_length)?;
    let fields = Fields::from_abi(&guest.read(fields, fields_length)?);
    let exchange = guest.world().exchange().ok_or(Status::BadArgument)?;
    if exchange.local_reply.is_some() {
        return Err(Status::BadArgument.into());
    }
    let details = String::from_utf8_lossy(&details).into_owned();
    exchange.local_reply = Some(LocalReply { status, details, fields, body });
    Ok(())
}

/// Lets go on what is held.
pub(super) fn proxy_continue_stream(guest: &mut Guest<'_, '_>, stream: u32) -> Done {
    let exchange = guest.world().exchange().ok_or(Status::BadArgument)?;
    match stream {
        REQUEST => exchange.request.settle(Action::Continue),
        RESPONSE => exchange.response.settle(Action::Continue),
        _ => return Err(Status::BadArgument.into()),
    }
    Ok(())
}

pub(super) fn proxy_close_stream(_: &mut Guest<'_, '_>, _: u32) -> Done {
    Ok(())
}

pub(super) fn proxy_set_effective_context(guest: &mut Guest<'_, '_>, context: u32) -> Done {
    guest.world().context = context;
    Ok(())
}

/// Nothing of this host waits for a filter to be done.
pub(super) fn proxy_done(_: &mut Guest<'_, '_>) -> Done {
    Err(Status::NotFound.into())
}
