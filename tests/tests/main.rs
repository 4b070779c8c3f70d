//! The end-to-end tests: one program, so that they link once and share what they can of Envoy, bridge and broker.

mod answer;
mod broker;
mod clients;
mod control_planes;
mod docs;
mod filter;
mod identity;
mod observability;
mod rate_limit;
mod request;
