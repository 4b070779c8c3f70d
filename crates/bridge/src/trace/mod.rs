//! The trace of a publish: read from the request, continued by the bridge's span, and passed on to subscribers.

mod context;
mod endpoint;
mod error;
mod export;
mod spans;

pub(crate) use context::{TraceContext, put};
pub use endpoint::{InvalidEndpoint, OtlpEndpoint};
pub use error::SpansError;
pub(crate) use spans::PublishSpan;
pub use spans::Spans;
