//! A message that was written and is not acknowledged.

use tokio::time::Instant;

use crate::budget::Permit;
use crate::codec::publish::EncodedPublish;
use crate::session::submission::{Outcome, Reply, Submission};

/// A message in flight.
#[derive(Debug)]
pub(super) struct Sent {
    /// `None`: the publisher was told that its time is over, and only the Packet Identifier is kept.
    awaited: Option<Awaited>,
    pub(super) deadline: Instant,
    /// The connection that it was last written to, and when.
    pub(super) connection: ConnectionNumber,
    pub(super) written: Instant,
    pub(super) tries: Tries,
}

/// What is kept of a message while its publisher waits.
#[derive(Debug)]
struct Awaited {
    packet: EncodedPublish,
    permit: Permit,
    reply: Reply,
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
    pub(super) fn new(submission: Submission, connection: ConnectionNumber, written: Instant) -> Self {
        let Submission { packet, permit, deadline, reply } = submission;
        let awaited = Some(Awaited { packet, permit, reply });
        Self { awaited, deadline, connection, written, tries: Tries::One }
    }

    /// The packet, while the publisher waits.
    pub(super) fn packet_mut(&mut self) -> Option<&mut EncodedPublish> {
        self.awaited.as_mut().map(|awaited| &mut awaited.packet)
    }

    /// Whether the publisher was answered at its deadline.
    pub(super) const fn is_overdue(&self) -> bool {
        self.awaited.is_none()
    }

    /// Answers the publisher, and releases the packet and the permit.
    pub(super) fn answer(&mut self, outcome: Outcome) {
        if let Some(Awaited { packet, permit, reply }) = self.awaited.take() {
            drop((packet, permit));
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
