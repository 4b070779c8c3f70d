//! The deadlines of messages in flight. Messages are sent in the order of their deadlines, so the oldest is due first.

use tokio::time::Instant;

use super::in_flight::InFlight;
use super::sent::Sent;
use crate::codec::puback::PacketIdentifier;
use crate::error::PublishError;

/// The oldest message in flight whose publisher waits.
#[derive(Debug, Default)]
pub(super) struct Deadlines(Option<PacketIdentifier>);

// === impl Deadlines ===

impl Deadlines {
    /// Whether a publisher waits.
    pub(super) const fn any(&self) -> bool {
        self.0.is_some()
    }

    /// A message was sent for the first time.
    pub(super) fn added(&mut self, identifier: PacketIdentifier) {
        self.0 = self.0.or(Some(identifier));
    }

    /// A message was removed; `after` was sent next after it.
    pub(super) fn removed(&mut self, identifier: PacketIdentifier, after: Option<PacketIdentifier>) {
        if self.0 == Some(identifier) {
            self.0 = after;
        }
    }

    /// Answers the publishers whose deadline has passed. Their messages stay in flight.
    pub(super) fn expire(&mut self, in_flight: &mut InFlight<Sent>, now: Instant) {
        while let Some(identifier) = self.0 {
            let Some(sent) = in_flight.get_mut(identifier).filter(|sent| sent.deadline <= now) else {
                break;
            };
            sent.answer(Err(PublishError::AcknowledgementTimeout));
            self.0 = in_flight.after(identifier);
        }
    }

    pub(super) fn next(&self, in_flight: &InFlight<Sent>) -> Option<Instant> {
        in_flight.get(self.0?).map(|sent| sent.deadline)
    }
}
