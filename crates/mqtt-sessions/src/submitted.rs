//! A message that a session has accepted.

use crate::clients::Lease;
use crate::delivery::Delivery;
use crate::error::PublishError;
use crate::placement::Place;
use crate::reason_code::BrokerReason;
use crate::session::Pending;

/// A message on its way to the broker. It is not sent if this is dropped before it was sent.
#[derive(Debug)]
pub struct Submitted {
    pending: Pending,
    path: Option<Path>,
}

/// Keeps what the message goes over until its outcome is known.
#[derive(Debug)]
pub(crate) enum Path {
    /// The shared session of its topic.
    Shared(#[expect(dead_code, reason = "it is held")] Place),
    /// The session of its client.
    Client(#[expect(dead_code, reason = "it is held")] Lease),
}

// === impl Submitted ===

impl Submitted {
    pub(crate) const fn new(pending: Pending, path: Path) -> Self {
        Self { pending, path: Some(path) }
    }

    /// Waits for the outcome, at most for the publish time-out. It is returned once.
    ///
    /// # Errors
    ///
    /// Returns an error if the message was not published, or if its outcome is unknown. A PUBACK is not an error, whatever
    /// its Reason Code.
    pub async fn outcome(&mut self) -> Result<Delivery, PublishError> {
        let outcome = self.pending.outcome().await;
        self.path = None;
        outcome
    }

    /// After [`PublishError::AcknowledgementTimeout`]: waits for the PUBACK, if the message was submitted with
    /// [`LatePubAck::Reported`](crate::LatePubAck::Reported). Returns `None` once it cannot arrive any more, because the
    /// connection has ended. Whether the broker has the message stays unknown then.
    pub async fn late_puback(self) -> Option<BrokerReason> {
        self.pending.late_puback().await
    }
}
