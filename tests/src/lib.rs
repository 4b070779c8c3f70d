//! The harness of the end-to-end tests: real Envoy with the real filter, the real bridge, real brokers.
//!
//! A test takes an [`Edge`], which starts all of that, sends a [`Request`] over a [`Protocol`] and looks at the
//! [`Answer`]; a [`Subscriber`], built on an MQTT library that the bridge does not use, gives every [`Message`] with
//! every property, and a [`Device`] answers commands. Where a client has to misbehave, [`raw`] writes bytes; where it matters what leaves the edge, a
//! [`Recorder`] stands in for the bridges; where spans matter, a [`Collector`] takes them; where the broker's
//! answer matters, an [`AutomaticBroker`] gives it; and a [`Link`] between bridge and broker can be cut.
//!
//! "Nothing was published" is never found out by waiting: [`Edge::published_until_now`] publishes one more message and
//! looks at what came before it. Nothing here waits for a time to pass; whatever is waited for has [`PATIENCE`].

mod answer;
pub mod authority;
mod body;
mod collector;
pub mod config;
pub mod deploy;
mod device;
mod edge;
mod endpoint;
mod file_server;
mod key_server;
mod link;
mod message;
mod page;
pub mod prometheus;
pub mod rate_limit_service;
pub mod raw;
mod recorder;
mod request;
mod runtime;
mod subscriber;
mod terminal;
pub mod token;
mod wait;

pub use answer::{Answer, Problem, Violation};
pub use body::Body;
pub use collector::{Collector, Span};
pub use device::Device;
pub use edge::{Edge, LogLine};
pub use endpoint::{Connection, Endpoint, Pending, Protocol};
pub use file_server::FileServer;
pub use key_server::KeyServer;
pub use link::Link;
pub use message::Message;
pub use page::Page;
pub use recorder::{Behaviour, Recorded, Recorder};
pub use request::{Request, percent_encoded};
pub use runtime::{block_on, block_on_for, spawn};
pub use scripted_broker::{AutomaticBroker, Conduct, Copies, REASON_STRING};
pub use subscriber::Subscriber;
pub use terminal::Terminal;
pub use wait::{PATIENCE, eventually};
