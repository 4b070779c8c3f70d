//! The deadlines of messages in flight. Messages are sent in the order of their deadlines, so the oldest is due first.
//!
//! At its deadline a message is *overdue*: its publisher is answered, its packet and its permit are released, and it is not
//! sent again. Its Packet Identifier stays in use until the PUBACK or the end of the connection, so that a late PUBACK is
//! not taken for another message's. A message that is never acknowledged costs the others no memory, and its Packet
//! Identifier is released when the session is renewed.

use tokio::time::Instant;

use super::in_flight::InFlight;
use super::sent::Sent;
use super::unanswered::Unanswered;
use crate::codec::puback::PacketIdentifier;

/// Which messages in flight are overdue.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    /// The oldest message whose publisher waits. Those that were sent before it are overdue.
    next: Option<PacketIdentifier>,
    overdue: usize,
}

// === impl Deadlines ===

impl Deadlines {
    /// Whether a publisher waits.
    pub(super) const fn any(&self) -> bool {
        self.next.is_some()
    }

    /// How many messages are overdue.
    pub(super) const fn overdue(&self) -> usize {
        self.overdue
    }

    /// A message was sent for the first time.
    pub(super) fn added(&mut self, identifier: PacketIdentifier) {
        self.next = self.next.or(Some(identifier));
    }

    /// A message was removed; `after` was sent next after it.
    pub(super) fn removed(&mut self, identifier: PacketIdentifier, after: Option<PacketIdentifier>) {
        if self.next == Some(identifier) {
            self.next = after;
        }
    }

    /// An overdue message was removed.
    pub(super) fn removed_overdue(&mut self) {
        self.overdue = self.overdue.saturating_sub(1);
    }

    /// Answers the publishers whose deadline has passed. Returns how many messages became overdue.
    pub(super) fn expire(
        &mut self,
        in_flight: &mut InFlight<Sent>,
        topics: &mut Unanswered,
        now: Instant,
    ) -> usize {
        let before = self.overdue;
        while let Some(identifier) = self.next {
            let Some(sent) = in_flight.get_mut(identifier).filter(|sent| sent.deadline <= now) else {
                break;
            };
            sent.time_out(topics);
            self.next = in_flight.after(identifier);
            self.overdue += 1;
        }
        self.overdue - before
    }

    pub(super) fn next(&self, in_flight: &InFlight<Sent>) -> Option<Instant> {
        in_flight.get(self.next?).map(|sent| sent.deadline)
    }
}
