//! The bridge: HTTP Publish in, MQTT 5 out, and each answer decided by its own PUBACK.
//!
//! - [`http`]: the server that takes messages
//! - [`mqtt`]: the sessions that publish them
//! - [`budget`]: how much may be under way between the two
//! - [`metrics`], [`trace`]: what an operator sees of it
//! - [`bridge`]: all of it together, with its life from start to stop
//! - `embedded_broker`: a broker in the same process, for trying it out
//! - [`cli`], [`log`], [`signal`]: what makes a program of it

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod bridge;
pub mod budget;
pub mod cli;
#[cfg(feature = "embedded-broker")]
pub mod embedded_broker;
pub mod http;
pub mod log;
pub mod metrics;
pub mod mqtt;
pub mod signal;
pub mod trace;
