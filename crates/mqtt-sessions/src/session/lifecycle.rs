//! When a session has a connection, and when it ends: for ever and always, or on demand.

use std::future::Future;

use tokio::sync::OwnedSemaphorePermit;

use super::end::{End, EvictionReason};
use super::submission::Submission;
use crate::connector::ConnectError;

/// What differs between a shared session and the session of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Always connected. The broker may assign another Client Identifier.
    Shared,
    /// Connected while a publisher waits, under the client's own Client Identifier only.
    Client,
}

/// What the reconnect machine asks of the owner of its session.
pub(crate) trait Lifecycle: Send + Sync + 'static {
    const KIND: Kind;

    /// Waits for the right to connect.
    fn admission(&self) -> impl Future<Output = Admission> + Send;

    /// Waits until the session is evicted. Nothing uses it at that moment. A publish that uses it afterwards finds its
    /// message queued until the session [retires](Self::retire) or goes on.
    fn evicted(&self) -> impl Future<Output = EvictionReason> + Send;

    /// Whether the session is evicted now.
    fn is_evicted(&self) -> bool;

    /// Waits until a session without a connection should try to retire.
    fn released(&self) -> impl Future<Output = ()> + Send;

    /// Removes the session from those that publishes may use, unless one uses it.
    fn retire(&self) -> Retirement;

    /// The session cannot be used. `leave` says so to publishes, and returns what was not sent, in order. Returns what no other
    /// session takes.
    fn hand_over(&self, leave: impl FnOnce() -> Vec<Submission>) -> Vec<Submission>;

    /// Counts what happened.
    fn record(&self, event: Event<'_>);
}

/// Whether a session could retire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retirement {
    /// No publish can reach the session any more.
    Retired,
    /// A publish uses the session.
    InUse,
}

/// The right to connect.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    /// Held while there is a connection.
    pub(crate) connection: Option<OwnedSemaphorePermit>,
    /// Held until the attempt to connect has ended.
    pub(crate) attempt: Option<OwnedSemaphorePermit>,
}

/// What happened to a session's connection.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    ConnectFailed(&'a ConnectError),
    Connected,
    Disconnected(&'a End),
}
