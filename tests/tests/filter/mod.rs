//! The filter in Envoy: its configuration, and what it does with a request.

mod configuration;
mod control_plane;
mod enrichment;
mod permissions;
mod reload;
mod routing;
mod trap;
mod upstream_request;
