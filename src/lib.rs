//! The Wasm way into Envoy: proxy-wasm's dispatcher calls [`root`] and [`stream`], which call [`edge`]; [`host`] is what
//! [`edge`] asks of Envoy, over the calls of the ABI in [`abi`]. The filter itself is [`edge`].

// The one public item is the entry point that the SDK's macro writes.
#![allow(missing_docs)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod abi;
mod counters;
mod host;
mod root;
mod stream;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(root::Root::default()));
}}
