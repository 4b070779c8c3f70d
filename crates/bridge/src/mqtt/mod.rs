//! MQTT 5 out: a publisher, and nothing else of MQTT.
//!
//! A [`Pool`] keeps a few sessions with the broker; [`Pool::publish`] gives back what became of that very message. The
//! path of a message: encoded by its publisher ([`codec`]), chosen a session by its Topic Name ([`pool`]) or by its client
//! ([`clients`]), written by the session's task ([`session`]), answered by its PUBACK. The ways it can fail are one type,
//! [`PublishError`].

pub mod backoff;
pub mod clients;
pub mod codec;
pub mod config;
mod connector;
pub mod error;
pub mod pool;
mod report;
pub mod session;
pub mod tally;
pub mod tls;

pub use error::{BrokerReason, PublishError, Published};
pub use pool::Pool;
