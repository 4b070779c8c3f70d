//! The bridge and its broker.

mod brokers;
mod client_sessions;
mod credentials;
mod delivery;
mod descriptors;
mod failures;
mod neighbours;
mod refused_sessions;
mod requests;
mod retained;
mod retries;
