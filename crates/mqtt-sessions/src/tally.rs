//! Counts of what the broker did with messages. Counting is one atomic addition, without locks or look-ups.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::reason_code::ReasonCode;
use crate::route::Destination;

/// Counts over all sessions of a [`Pool`](crate::Pool).
#[derive(Debug)]
pub struct Tally {
    written: AtomicU64,
    /// One for each Reason Code.
    acknowledged: [AtomicU64; 256],
    reconnects: AtomicU64,
    renewals: AtomicU64,
    overdue: AtomicUsize,
    /// One for each configured broker.
    connections: Box<[AtomicUsize]>,
    redirected: AtomicUsize,
}

// === impl Tally ===

impl Tally {
    /// Counts connections to this number of configured brokers.
    pub(crate) fn new(brokers: usize) -> Self {
        Self {
            written: AtomicU64::new(0),
            acknowledged: [const { AtomicU64::new(0) }; 256],
            reconnects: AtomicU64::new(0),
            renewals: AtomicU64::new(0),
            overdue: AtomicUsize::new(0),
            connections: (0..brokers).map(|_| AtomicUsize::new(0)).collect(),
            redirected: AtomicUsize::new(0),
        }
    }

    /// Messages of QoS 0 that were written to a socket.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// How many messages were acknowledged with each of the 256 Reason Codes, also after their publisher's time-out.
    pub fn acknowledged(&self) -> impl Iterator<Item = (ReasonCode, u64)> {
        let counts = self.acknowledged.iter().map(|count| count.load(Ordering::Relaxed));
        (0..=u8::MAX).map(ReasonCode).zip(counts)
    }

    /// Connections that replaced a lost one.
    #[must_use]
    pub fn reconnects(&self) -> u64 {
        self.reconnects.load(Ordering::Relaxed)
    }

    /// Sessions that were replaced by new ones because of messages that the broker did not acknowledge.
    #[must_use]
    pub fn renewals(&self) -> u64 {
        self.renewals.load(Ordering::Relaxed)
    }

    /// How many messages are in flight now whose publisher was answered at its time-out. They use Packet Identifiers and the
    /// broker's Receive Maximum, but no memory of the budget.
    #[must_use]
    pub fn overdue(&self) -> usize {
        self.overdue.load(Ordering::Relaxed)
    }

    /// How many sessions are connected to each broker now: shared sessions, and sessions of clients.
    pub fn connections(&self) -> impl Iterator<Item = (Destination, usize)> {
        let configured =
            self.connections.iter().enumerate().map(|(place, count)| (Destination::Configured(place), count));
        let all = configured.chain([(Destination::Redirected, &self.redirected)]);
        all.map(|(destination, count)| (destination, count.load(Ordering::Relaxed)))
    }

    pub(crate) fn add_connection(&self, destination: Destination) {
        if let Some(count) = self.connections_to(destination) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn remove_connection(&self, destination: Destination) {
        if let Some(count) = self.connections_to(destination) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn connections_to(&self, destination: Destination) -> Option<&AtomicUsize> {
        match destination {
            Destination::Configured(place) => self.connections.get(place),
            Destination::Redirected => Some(&self.redirected),
        }
    }

    pub(crate) fn add_overdue(&self, messages: usize) {
        self.overdue.fetch_add(messages, Ordering::Relaxed);
    }

    pub(crate) fn remove_overdue(&self) {
        self.overdue.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn add_written(&self, messages: u64) {
        self.written.fetch_add(messages, Ordering::Relaxed);
    }

    pub(crate) fn add_acknowledged(&self, reason_code: ReasonCode) {
        if let Some(count) = self.acknowledged.get(usize::from(reason_code.0)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn add_renewal(&self) {
        self.renewals.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_reconnect(&self) {
        self.reconnects.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_code_has_its_own_counter() {
        let tally = Tally::new(1);
        for reason_code in [0x10, 0xFF, 0x10] {
            tally.add_acknowledged(ReasonCode(reason_code));
        }
        let counted: Vec<_> = tally.acknowledged().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [(ReasonCode(0x10), 2), (ReasonCode(0xFF), 1)]);
        assert_eq!(tally.acknowledged().count(), 256);
    }
}
