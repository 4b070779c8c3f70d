//! The bridge: HTTP Publish in, MQTT 5 out, and each answer decided by its own PUBACK.
//!
//! - [`mqtt`]: sessions with a broker, which publish and nothing else
//! - [`budget`]: how much may be under way at a time

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod budget;
pub mod mqtt;
