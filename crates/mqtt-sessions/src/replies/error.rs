//! Why there is no reply.

use crate::budget::Exhausted;
use crate::subscriber::SubscribeError;
use crate::tls::TlsError;

/// Replies cannot be received at all.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The TLS files cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system has no random numbers.
    #[error("the system has no random numbers")]
    NoRandomness,
}

/// A reply could not be received, so the request should not be published.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ExpectError {
    /// There is no subscription to the Response Topic.
    #[error("replies cannot be received")]
    Subscribe(#[from] SubscribeError),
    /// Too many requests are waiting.
    #[error("too many requests are waiting for replies")]
    Exhausted(#[from] Exhausted),
    /// The system has no random numbers.
    #[error("the system has no random numbers")]
    NoRandomness,
}

/// The request was prepared, and no reply can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The reply came, and there is no room for it.
    #[error("there is no room for the reply")]
    Exhausted(#[from] Exhausted),
    /// The receiver of replies was closed.
    #[error("the process no longer receives replies")]
    Closed,
}
