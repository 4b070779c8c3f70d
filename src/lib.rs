//! The Wasm way into Envoy: [`dispatcher`] is what Envoy calls, [`stream`] hands it on to [`edge`], and [`host`] is what
//! [`edge`] asks of Envoy, over the calls of the ABI in [`abi`]. The filter itself is [`edge`].

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod abi;
mod claims;
mod counters;
mod dispatcher;
mod host;
mod setup;
mod stream;
