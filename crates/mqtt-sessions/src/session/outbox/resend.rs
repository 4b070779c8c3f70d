//! Sending again what was in flight when the connection was lost, in the original order (MQTT 5.0, 4.4 and 4.6).

use super::in_flight::InFlight;
use super::sent::Sent;
use crate::codec::puback::PacketIdentifier;

/// The next message that this connection has to send again.
#[derive(Debug, Default)]
pub(super) struct Resend(Option<PacketIdentifier>);

// === impl Resend ===

impl Resend {
    pub(super) fn start(&mut self, in_flight: &InFlight<Sent>) {
        self.0 = in_flight.first();
    }

    pub(super) fn stop(&mut self) {
        self.0 = None;
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.0.is_none()
    }

    pub(super) const fn next(&self) -> Option<PacketIdentifier> {
        self.0
    }

    /// The next message was sent.
    pub(super) fn advance(&mut self, in_flight: &InFlight<Sent>) {
        self.0 = self.0.and_then(|identifier| in_flight.after(identifier));
    }

    /// A message was removed; `after` was sent next after it.
    pub(super) fn removed(&mut self, identifier: PacketIdentifier, after: Option<PacketIdentifier>) {
        if self.0 == Some(identifier) {
            self.0 = after;
        }
    }
}
