//! The filter: Envoy's callbacks on one side, [`http_publish`] and [`policy`] on the other, nothing else.
//!
//! [`root`] reads the configuration once per worker; every request gets an [`exchange`]; [`judgement`] is what is decided
//! about its head; all that touches the host is in [`host`].

// The one public item is the entry point that the SDK's macro writes.
#![allow(missing_docs)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod client;
mod exchange;
mod host;
mod judgement;
mod metrics;
mod root;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(root::Root::default()));
}}
