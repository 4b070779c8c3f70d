//! The responses. Each has `x-request-id`; each error is a problem document.

use bytes::Bytes;
use http_body_util::Full;
use http_publish::{
    CONTENT_TYPE, IDEMPOTENT_REPLAYED, PREFERENCE_APPLIED, Problem, REASON_CODE, REQUEST_ID, ReasonCode,
    RequestId, Wait, batch,
};
use hyper::body::Body;
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::batch::Answered;
use crate::translate::{Published, Replied};

/// A response whose body is complete.
pub(super) type Answer = Response<Full<Bytes>>;

/// The message was published.
pub(super) fn published(Published { status, reason_code }: Published) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    put(&mut answer, REASON_CODE, &reason_code.unwrap_or(ReasonCode::SUCCESS).0.to_string());
    answer
}

/// The reply to a message.
pub(super) fn replied(Replied { fields, body }: Replied, reason_code: Option<ReasonCode>) -> Answer {
    let mut answer = Response::new(Full::new(body));
    for (name, value) in fields {
        put(&mut answer, name, &value);
    }
    // The media type is the responder's, and the answer comes from the bridge's origin.
    put(&mut answer, "x-content-type-options", "nosniff");
    if let Some(ReasonCode(code)) = reason_code {
        put(&mut answer, REASON_CODE, &code.to_string());
    }
    answer
}

/// A retained message, with fields that describe it.
pub(super) fn retained(replied: Replied, described: Vec<(&'static str, String)>) -> Answer {
    let mut answer = self::replied(replied, None);
    for (name, value) in described {
        put(&mut answer, name, &value);
    }
    answer
}

/// The client has the message already.
pub(super) fn not_modified(entity_tag: &str) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::NOT_MODIFIED;
    put(&mut answer, "etag", entity_tag);
    answer
}

/// Adds the preferences that were applied.
pub(super) fn apply(answer: &mut Answer, wait: Wait) {
    put(answer, PREFERENCE_APPLIED, &wait.to_string());
}

/// The answer to an earlier request with the same Idempotency-Key.
pub(super) fn replayed(mut answer: Answer) -> Answer {
    put(&mut answer, IDEMPOTENT_REPLAYED, "true");
    answer
}

/// The answer to a batch.
pub(super) fn batch(Answered { lines, messages, refused }: Answered) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(lines)));
    *answer.status_mut() = if refused == 0 { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    put(&mut answer, CONTENT_TYPE, batch::MEDIA_TYPE);
    put(&mut answer, batch::SIZE, &messages.to_string());
    put(&mut answer, batch::REFUSED, &refused.to_string());
    answer
}

/// The metrics.
pub(super) fn metrics(text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    put(&mut answer, CONTENT_TYPE, crate::metrics::CONTENT_TYPE);
    answer
}

/// A JSON document.
pub(super) fn json(document: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(document)));
    put(&mut answer, CONTENT_TYPE, "application/json");
    answer
}

/// A health check that succeeds.
pub(super) fn well(state: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(state.as_bytes())));
    put(&mut answer, CONTENT_TYPE, "text/plain");
    answer
}

/// A problem document.
pub(super) fn problem(problem: &Problem, request_id: &str) -> Answer {
    let body = problem.to_json(RequestId::new(request_id.as_bytes()));
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    // The status of every code is a valid HTTP status.
    *answer.status_mut() =
        StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in problem.fields() {
        put(&mut answer, name, &value);
    }
    answer
}

/// Adds the request id.
pub(super) fn identify(answer: &mut Answer, request_id: &str) {
    put(answer, REQUEST_ID, request_id);
}

/// Removes the content and keeps its length, for HEAD (RFC 9110, 9.3.2). hyper does so for HTTP/1.1, but not for HTTP/2.
pub(super) fn leave_out_content(answer: &mut Answer) {
    let content = std::mem::take(answer.body_mut());
    let length = content.size_hint().exact().unwrap_or_default();
    answer.headers_mut().insert(CONTENT_LENGTH, length.into());
}

fn put(answer: &mut Answer, name: &'static str, value: &str) {
    // The values are numbers, fixed texts, request ids, and text without control characters: all are valid field values.
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        answer.headers_mut().insert(HeaderName::from_static(name), value);
    }
}
