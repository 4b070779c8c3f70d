//! The filter as a dynamic module, under an Envoy that keeps its promises and under some that do not.

mod batches;
mod configuration;
mod failures;
mod identity;
mod orders;
mod requests;
mod support;
