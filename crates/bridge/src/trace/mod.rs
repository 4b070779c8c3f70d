//! The trace that a publish belongs to: read from the request, continued by a span of the bridge's own, and passed on to
//! the subscribers.

mod context;
mod endpoint;
mod export;
mod spans;

pub(crate) use context::{TraceContext, put};
pub use endpoint::{InvalidEndpoint, OtlpEndpoint};
pub(crate) use spans::PublishSpan;
pub use spans::{Spans, SpansError};
