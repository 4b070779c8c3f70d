//! The filter: Envoy's callbacks on one side, [`http_publish`] on the other, nothing else.
//!
//! [`root`] reads the configuration once per worker; every request gets an [`exchange`]; all that touches the host is
//! in [`host`].

// The one public item is the entry point that the SDK's macro writes.
#![allow(missing_docs)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod client;
mod config;
mod exchange;
mod host;
mod root;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(root::Root::default()));
}}
