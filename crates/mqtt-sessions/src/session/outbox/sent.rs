//! A message that was written and is not acknowledged.

use tokio::time::Instant;

use super::unanswered::{TopicNumber, Unanswered};
use crate::budget::Permit;
use crate::codec::publish::EncodedPublish;
use crate::error::PublishError;
use crate::session::reply::{LateReply, Outcome, Reply};
use crate::session::submission::Submission;

/// A message in flight.
#[derive(Debug)]
pub(super) struct Sent {
    stage: Stage,
    pub(super) deadline: Instant,
    /// The connection that it was last written to, and when.
    pub(super) connection: ConnectionNumber,
    pub(super) written: Instant,
    pub(super) tries: Tries,
    /// Its topic, if it is one that the broker does not acknowledge.
    pub(super) topic: Option<TopicNumber>,
}

/// What is kept of a message.
#[derive(Debug)]
enum Stage {
    /// Its publisher waits.
    Awaited { packet: EncodedPublish, permit: Permit, reply: Reply },
    /// Its publisher was answered at its deadline. Only the Packet Identifier is kept, and where a late PUBACK goes.
    Overdue(LateReply),
}

/// How often a message was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tries {
    One,
    /// On more than one connection.
    Several,
}

/// The number of a connection within its session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ConnectionNumber(u64);

// === impl Sent ===

impl Sent {
    pub(super) fn new(
        submission: Submission,
        topic: Option<TopicNumber>,
        connection: ConnectionNumber,
        written: Instant,
    ) -> Self {
        let Submission { packet, permit, deadline, reply } = submission;
        let stage = Stage::Awaited { packet, permit, reply };
        Self { stage, deadline, connection, written, tries: Tries::One, topic }
    }

    /// The packet, while the publisher waits.
    pub(super) const fn packet_mut(&mut self) -> Option<&mut EncodedPublish> {
        match &mut self.stage {
            Stage::Awaited { packet, .. } => Some(packet),
            Stage::Overdue(_) => None,
        }
    }

    /// Whether the publisher was answered at its deadline.
    pub(super) const fn is_overdue(&self) -> bool {
        matches!(self.stage, Stage::Overdue(_))
    }

    /// Answers the publisher at its deadline, and releases the packet and the permit.
    pub(super) fn time_out(&mut self, topics: &mut Unanswered) {
        if let (Stage::Awaited { packet, .. }, None) = (&self.stage, self.topic) {
            self.topic = topics.overdue(packet.topic_name());
        }
        let stage = std::mem::replace(&mut self.stage, Stage::Overdue(LateReply::default()));
        self.stage = match stage {
            Stage::Awaited { packet, permit, reply } => {
                drop((packet, permit));
                Stage::Overdue(reply.time_out(PublishError::AcknowledgementTimeout))
            }
            overdue @ Stage::Overdue(_) => overdue,
        };
    }

    /// Releases the packet and the permit, then answers the publisher, late or not.
    pub(super) fn finish(self, outcome: Outcome) {
        match self.stage {
            Stage::Awaited { packet, permit, reply } => {
                drop((packet, permit));
                reply.send(outcome);
            }
            Stage::Overdue(reply) => reply.send(outcome),
        }
    }
}

// === impl ConnectionNumber ===

impl ConnectionNumber {
    pub(super) fn advance(&mut self) {
        self.0 += 1;
    }
}
