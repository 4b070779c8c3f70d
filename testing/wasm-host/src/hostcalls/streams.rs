//! Answers in the upstream's place.

use crate::exchange::LocalReply;
use crate::guest::{Done, Guest};
use crate::{Fields, Status};

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
