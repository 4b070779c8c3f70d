//! The decisions of an operator about MQTT messages that are published over HTTP: who may publish what
//! ([`Permissions`]), which upstream a message goes to ([`Routing`]), and which User Properties are added to it
//! ([`Enrichment`]).
//!
//! The model is that of Azure Event Grid's MQTT broker. A *client group* is a list of conditions on a client's claims, a
//! *topic space* is a set of topic templates, and a *permission binding* lets a group publish to a topic space. A policy
//! is read from JSON, checked as a whole, and compiled once; judging a request then walks a trie.
//!
//! ```
//! use policy::{Client, NoClaims, Permissions, PermissionsDocument, Verdict};
//!
//! let document: PermissionsDocument = serde_json::from_str(r#"{
//!     "topicSpaces": [{ "name": "own", "templates": ["clients/${client.authenticationName}/#"] }],
//!     "permissionBindings": [{ "name": "everyone-own", "clientGroup": "$all", "topicSpace": "own" }]
//! }"#)?;
//! let permissions = Permissions::compile(document)?;
//!
//! let client = Client { authentication_name: Some("pump-7"), claims: &NoClaims };
//! assert_eq!(permissions.judge("clients/pump-7/state", &client), Verdict::Permitted { binding: "everyone-own" });
//! assert!(matches!(permissions.judge("clients/pump-8/state", &client), Verdict::Refused(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod claim;
mod client;
mod condition;
mod enrichment;
mod error;
mod permissions;
mod present;
mod routing;
mod shape;
mod template;
mod trie;
mod variable;

pub use claim::{ClaimPath, Claims, NoClaims, Presence};
pub use client::Client;
pub use enrichment::{Enrichment, EnrichmentDocument, RequestFacts};
pub use error::InvalidPolicy;
pub use permissions::{Permissions, PermissionsDocument, Refusal, Verdict};
pub use present::present;
pub use routing::{Routing, RoutingDocument};
pub use shape::{Name, Object};

/// The example of the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
