//! Rate limits: of one Envoy, and of all of them through a rate limit service.

mod global;
mod local;
