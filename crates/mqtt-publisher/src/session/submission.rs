//! A message on its way from a publisher to a session's task.

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::budget::Permit;
use crate::codec::publish::EncodedPublish;
use crate::delivery::Delivery;
use crate::error::PublishError;

/// What a publisher is told.
pub(crate) type Outcome = Result<Delivery, PublishError>;

/// Where the outcome of a message goes.
pub(crate) type Reply = oneshot::Sender<Outcome>;

/// A message that a publisher has submitted.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) packet: EncodedPublish,
    pub(crate) permit: Permit,
    /// When the publisher stops waiting. Later submissions have later deadlines.
    pub(crate) deadline: Instant,
    pub(crate) reply: Reply,
}

// === impl Submission ===

impl Submission {
    /// Releases the permit, then answers the publisher.
    pub(crate) fn finish(self, outcome: Outcome) {
        let Self { permit, reply, .. } = self;
        drop(permit);
        // The publisher may have gone.
        let _ = reply.send(outcome);
    }
}
