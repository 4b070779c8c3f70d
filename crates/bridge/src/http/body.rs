//! The payload: read until it is whole, within its limit, its time and the bridge's budget. Half a payload is none.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use http_publish::{Code, PayloadCheck, Problem};
use hyper::Version;
use hyper::body::{Body, Incoming};

use crate::budget::Permit;
use crate::mqtt::PublishError;

/// Reads the payload; where it came in one piece, that piece is not copied.
pub(super) async fn read(
    http: Version,
    body: Incoming,
    check: PayloadCheck,
    permit: &mut Permit,
    timeout: Duration,
) -> Result<Bytes, Problem> {
    tokio::time::timeout(timeout, collect(http, body, check, permit)).await.unwrap_or_else(|_| {
        let seconds = timeout.as_secs_f32();
        Err(Problem::new(Code::RequestTimeout, format!("the payload did not arrive within {seconds} s")))
    })
}

async fn collect(
    http: Version,
    mut body: Incoming,
    mut check: PayloadCheck,
    permit: &mut Permit,
) -> Result<Bytes, Problem> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| incomplete())?;
        let Ok(data) = frame.into_data() else {
            // Trailers: HTTP Publish has none.
            continue;
        };
        check.push(&data)?;
        permit.hold(first.len() + rest.len() + data.len()).map_err(PublishError::from)?;
        if first.is_empty() && rest.is_empty() {
            first = data;
            continue;
        }
        if rest.is_empty() {
            let announced = usize::try_from(body.size_hint().lower()).unwrap_or(0);
            rest.reserve(first.len() + data.len() + announced.min(READ_AHEAD));
            rest.extend_from_slice(&std::mem::take(&mut first));
        }
        rest.extend_from_slice(&data);
    }
    if http == Version::HTTP_2 && !body.is_end_stream() {
        // A stream that its client has cancelled looks to hyper like one that has ended.
        return Err(incomplete());
    }
    check.finish()?;
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// However much a request announces, no more memory than this is taken before it has come.
const READ_AHEAD: usize = 1024 * 1024;

fn incomplete() -> Problem {
    Problem::new(Code::IncompletePayload, "the request ended before its payload did; nothing was published")
}
