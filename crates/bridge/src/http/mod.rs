//! HTTP in: HTTP/1.1 and HTTP/2 without TLS, on one port.
//!
//! The way of a request: `server` accepts the connection and finds out which HTTP it speaks, `service` routes it,
//! `body` waits until its payload is whole, and `answer` writes what became of it. A request that ends early
//! publishes nothing, and none can hang: each wait has an end of its own, and one deadline covers them all.

mod answer;
mod body;
mod client;
mod config;
mod protocol;
mod server;
mod service;

pub use config::HttpConfig;
pub use server::Server;
pub use service::Service;
