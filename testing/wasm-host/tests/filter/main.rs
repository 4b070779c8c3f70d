//! The real filter under a hostile host.
//!
//! What has to hold whatever comes: the filter never traps; and where something failed, the request is answered here or
//! stays paused, so that the upstream never gets a whole request that was not checked.

mod batches;
mod bodies;
mod configuration;
mod decisions;
mod failures;
mod heads;
mod identity;
mod memory;
mod orders;

use std::sync::OnceLock;

use http_publish::example;
use serde_json::{Value, json};
use wasm_host::{Filter, Host, LocalReply, Outcome, Property, Request};

/// Everybody may publish everything.
const OPEN: &str = r#"{"clientId": {"from": "none"}}"#;

/// A worker with the filter, which is compiled once.
fn start() -> Host {
    static FILTER: OnceLock<Filter> = OnceLock::new();
    let filter = FILTER.get_or_init(|| Filter::find().unwrap_or_else(|reason| panic!("{reason}")));
    filter.start().unwrap()
}

/// A worker with the filter in that configuration.
fn configured(json: &str) -> Host {
    let host = start();
    host.configure(json).unwrap();
    host
}

/// The example of Azure's documentation.
fn seed() -> Request {
    let start = Request::post(example::PATH_AND_QUERY);
    let request = example::HEADERS.iter().fold(start, |request, (name, value)| request.field(name, value));
    request
        .field("date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .field("content-length", "46")
        .body(example::PAYLOAD)
}

/// Has `jwt_authn` leave these claims of a verified token.
fn set_claims(host: &Host, claims: &Value) {
    let token = json!({ "envoy.filters.http.jwt_authn": { "jwt": claims } });
    host.set_property(&["metadata"], Some(Property::metadata(&token)));
}

/// Whether the upstream has a whole request, which it would publish.
fn is_sent(outcome: &Outcome) -> bool {
    outcome.upstream.fields.is_some() && outcome.upstream.is_whole
}

/// The status of the filter's own answer.
fn status(outcome: &Outcome) -> Option<u32> {
    outcome.local_reply.as_ref().map(|reply| reply.status)
}

/// The `code` of a problem.
fn code(reply: &LocalReply) -> String {
    let document: Value = serde_json::from_slice(&reply.body).unwrap();
    document["code"].as_str().unwrap_or_default().to_owned()
}
