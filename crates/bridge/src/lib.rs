//! The bridge: accepts messages over HTTP and publishes them over MQTT 5. Each answer is decided by the message's PUBACK.
//!
//! - [`http`]: the server that accepts messages
//! - [`idempotency`]: requests that are repeated publish once
//! - [`translate`]: between HTTP Publish and the publisher of [`mqtt_sessions`]
//! - [`metrics`], [`trace`]: what an operator sees
//! - [`reload`]: credentials and certificates change while it runs
//! - [`bridge`]: all of it together, from start to stop
//! - [`cli`], [`log`], [`signal`], [`open_files`], `systemd`, [`healthcheck`]: the program

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod bridge;
pub mod cli;
pub mod healthcheck;
pub mod http;
pub mod idempotency;
pub mod log;
pub mod metrics;
pub mod open_files;
pub mod reload;
pub mod signal;
#[cfg(target_os = "linux")]
pub mod systemd;
pub mod trace;
pub mod translate;
