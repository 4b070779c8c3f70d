//! The bridge and its broker.

mod client_sessions;
mod delivery;
mod failures;
mod requests;
mod retained;
mod retries;
