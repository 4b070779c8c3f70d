//! The filter as a dynamic module of Envoy: a shared library, loaded into Envoy's process.
//!
//! [`hooks`] is what Envoy calls; each hook opens the [`Stream`](stream::Stream) it is for and hands it on. What the filter
//! asks of Envoy goes through [`host`], the implementation of [`edge::Host`] over the declarations in [`abi`].
//!
//! Envoy's process is at stake: a null pointer, a length that cannot be, or a `false` from Envoy becomes an error, and the
//! error a refusal. A panic is caught before it reaches Envoy, and becomes a refusal too.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]

pub mod abi;
mod claims;
mod counters;
pub mod hooks;
mod host;
mod lend;
mod log;
mod setup;
mod stream;
