//! The filter: what is done with a request at the edge, over whatever proxy it runs in ([`Host`]).
//!
//! A [`Config`] is read once for each worker. Every request gets an [`Exchange`], which is told of each part of the
//! request and says whether it goes on ([`Flow`]). Of the head it finds out who sends it, then decides what the message is,
//! whether it may be published, what is added to it and where it goes, and has the host change the fields that differ
//! from the message's normal form.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod changes;
mod client_id;
mod config;
mod decision;
mod exchange;
mod host;
mod identity;
mod invalid_config;
mod limits;
mod lines;
mod message_policy;
mod metadata;
mod outcome;
pub mod pairs;
mod retained;
#[cfg(feature = "schema")]
mod schema;

pub use changes::Changes;
pub use client_id::ClientIdSource;
pub use config::{Config, RetainedMessages};
pub use exchange::{Exchange, Flow, refuse_without_configuration};
pub use host::{Attribute, Chunk, Fields, Host, HostError, LocalResponse, NameClaim, TokenClaims};
pub use invalid_config::InvalidConfig;
pub use metadata::{JWT_AUTHN, TokenMetadata};
pub use outcome::Outcome;
#[cfg(feature = "schema")]
pub use schema::config_schema;
