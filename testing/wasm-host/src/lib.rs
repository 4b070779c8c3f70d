//! A small proxy-wasm host: it loads a filter's `.wasm` and treats it as Envoy does, and worse.
//!
//! Envoy shows a filter well-formed requests in one order. Here a test can show it any bytes in any order, let any
//! hostcall fail, and look at what reached the upstream, what the client was answered, and how much memory it took.
//!
//! ```no_run
//! use wasm_host::{Filter, Request};
//!
//! let host = Filter::find()?.start()?;
//! host.configure(r#"{"clientId": {"from": "none"}}"#)?;
//! let outcome = host.send(&Request::post("/mqtt/messages?topic=a").field("mqtt-qos", "2"))?;
//! assert_eq!(outcome.local_reply.map(|reply| reply.status), Some(400));
//! assert_eq!(outcome.upstream.fields, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The way through the crate: [`Filter`] (compiled code) → [`Host`] (a worker with a configuration) → [`Stream`] (one
//! request, step by step) or [`Host::send`] (a whole [`Request`] to its [`Outcome`]). [`Fault`]s make hostcalls fail,
//! and [`Callback`]s are for orders that no Envoy would call in. The host has the callbacks and hostcalls that the filter uses,
//! and no others.

#![forbid(unsafe_code)]

mod callback;
mod exchange;
mod fault;
mod fields;
mod filter;
mod guest;
mod host;
mod hostcalls;
mod log;
mod metadata;
mod metrics;
mod property;
mod request;
mod status;
mod stream;
mod vm;
mod world;

pub use callback::{Action, Callback, Trap};
pub use exchange::{LocalReply, Passed};
pub use fault::Fault;
pub use fields::Fields;
pub use filter::{FILTER_VARIABLE, Filter, UnusableFilter};
pub use host::{ConfigurationError, Host};
pub use log::{LogLevel, LogLine};
pub use property::Property;
pub use request::{Outcome, Request};
pub use status::Status;
pub use stream::Stream;
