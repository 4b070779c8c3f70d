//! A message on its way from a publisher to a session's task.

use tokio::time::Instant;

use super::reply::{Outcome, Reply};
use crate::budget::Permit;
use crate::codec::publish::EncodedPublish;

/// A message that a publisher has submitted.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) packet: EncodedPublish,
    pub(crate) permit: Permit,
    /// When the publisher stops waiting. Later submissions have later deadlines, except for some that another session had
    /// first: these are answered a little later than at their deadline.
    pub(crate) deadline: Instant,
    pub(crate) reply: Reply,
}

// === impl Submission ===

impl Submission {
    /// Releases the permit, then answers the publisher.
    pub(crate) fn finish(self, outcome: Outcome) {
        let Self { permit, reply, .. } = self;
        drop(permit);
        reply.send(outcome);
    }
}
