//! Reads the whole payload, within its size limit, its time limit and the budget. An incomplete payload is an error.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use http_publish::{Code, PayloadCheck, Problem};
use hyper::Version;
use hyper::body::{Body, Incoming};

use mqtt_publisher::budget::Permit;

use crate::translate;

/// Reads the payload. One that arrives in one piece is not copied.
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
            // Trailers, which HTTP Publish does not use.
            continue;
        };
        check.push(&data)?;
        let length = first.len() + rest.len() + data.len();
        permit.grow_to(length).map_err(|exhausted| translate::problem(exhausted.into()))?;
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
        // hyper reports a stream that the client has reset as one that has ended.
        return Err(incomplete());
    }
    check.finish()?;
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// The most memory that is reserved for a payload before it has arrived, whatever its Content-Length.
const READ_AHEAD: usize = 1024 * 1024;

fn incomplete() -> Problem {
    Problem::new(Code::IncompletePayload, "the request ended before its payload did; nothing was published")
}
