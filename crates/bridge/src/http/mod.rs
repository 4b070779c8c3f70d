//! The HTTP server: HTTP/1.1 and HTTP/2 on one port, with or without TLS.
//!
//! `listener` opens the port, `listener_tls` has its certificate. `server` accepts a connection and detects its HTTP version, `unfinished_heads` bounds what it
//! reads, `service` routes a request, `body` reads its payload, `publisher` publishes it, `requests` waits for a reply,
//! `batch` publishes many messages at once, `retained` reads retained messages, and `answer` builds the response. A request
//! that ends early publishes nothing. Each wait has its own time limit, and one deadline covers the whole request.

mod answer;
mod batch;
mod body;
mod client;
mod coalesced_writes;
mod config;
mod frames;
mod listener;
mod listener_tls;
mod protocol;
mod publisher;
mod requests;
mod retained;
mod retry_after;
mod routes;
mod server;
mod service;
mod unfinished_heads;

pub use config::HttpConfig;
pub use listener::listen;
pub use listener_tls::{ListenerFiles, ListenerTls, ListenerTlsError};
pub use requests::Requests;
pub use retained::Retained;
pub use routes::Routes;
pub use server::Server;
pub use service::Service;
