//! A message that was written and is not acknowledged.

use tokio::time::Instant;

use crate::budget::Permit;
use crate::codec::publish::EncodedPublish;
use crate::session::submission::{Outcome, Reply, Submission};

/// A message in flight.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) packet: EncodedPublish,
    _permit: Permit,
    pub(super) deadline: Instant,
    /// `None`: the publisher was told that its time is over.
    reply: Option<Reply>,
    /// The connection that it was last written to, and when.
    pub(super) connection: ConnectionNumber,
    pub(super) written: Instant,
}

/// The number of a connection within its session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ConnectionNumber(u64);

// === impl Sent ===

impl Sent {
    pub(super) fn new(submission: Submission, connection: ConnectionNumber, written: Instant) -> Self {
        let Submission { packet, permit, deadline, reply } = submission;
        Self { packet, _permit: permit, deadline, reply: Some(reply), connection, written }
    }

    /// Answers the publisher; the message stays in flight.
    pub(super) fn answer(&mut self, outcome: Outcome) {
        if let Some(reply) = self.reply.take() {
            // The publisher may have gone.
            let _ = reply.send(outcome);
        }
    }

    pub(super) fn finish(mut self, outcome: Outcome) {
        self.answer(outcome);
    }
}

// === impl ConnectionNumber ===

impl ConnectionNumber {
    pub(super) fn advance(&mut self) {
        self.0 += 1;
    }
}
