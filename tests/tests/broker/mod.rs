//! The bridge and its broker.

mod brokers;
mod client_sessions;
mod delivery;
mod descriptors;
mod failures;
mod requests;
mod retained;
mod retries;
