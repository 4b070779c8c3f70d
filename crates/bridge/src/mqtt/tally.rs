//! What became of messages at the broker, counted. To count is one addition: nothing is locked, and nothing looked up.

use std::sync::atomic::{AtomicU64, Ordering};

use http_publish::ReasonCode;

/// Numbers that only grow, over all sessions of a pool.
#[derive(Debug)]
pub struct Tally {
    written: AtomicU64,
    /// One for each Reason Code that there can be.
    acknowledged: [AtomicU64; 256],
    reconnects: AtomicU64,
}

/// The Reason Codes that a PUBACK may have (MQTT 5.0, 3.4.2.1).
const OF_PUBACK: [u8; 9] = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];

// === impl Tally ===

impl Tally {
    pub(super) const fn new() -> Self {
        Self {
            written: AtomicU64::new(0),
            acknowledged: [const { AtomicU64::new(0) }; 256],
            reconnects: AtomicU64::new(0),
        }
    }

    /// Messages of QoS 0 that were handed to the socket.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// How often each Reason Code came with the PUBACK of a message; the publisher may have stopped waiting for it. Those
    /// that a PUBACK may have are always there, others where a broker has used them.
    pub fn acknowledged(&self) -> impl Iterator<Item = (ReasonCode, u64)> {
        let counts = self.acknowledged.iter().map(|count| count.load(Ordering::Relaxed));
        (0..=u8::MAX)
            .zip(counts)
            .filter(|(code, count)| *count > 0 || OF_PUBACK.contains(code))
            .map(|(code, count)| (ReasonCode(code), count))
    }

    /// How often a session that had lost its connection got another.
    #[must_use]
    pub fn reconnects(&self) -> u64 {
        self.reconnects.load(Ordering::Relaxed)
    }

    pub(super) fn add_written(&self, messages: u64) {
        self.written.fetch_add(messages, Ordering::Relaxed);
    }

    pub(super) fn add_acknowledged(&self, reason_code: ReasonCode) {
        if let Some(count) = self.acknowledged.get(usize::from(reason_code.0)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn add_reconnect(&self) {
        self.reconnects.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_codes_of_a_puback_are_there_from_the_start_and_others_once_they_come() {
        let tally = Tally::new();
        assert_eq!(
            tally.acknowledged().map(|(code, count)| (code.0, count)).collect::<Vec<_>>(),
            OF_PUBACK.map(|code| (code, 0))
        );
        tally.add_acknowledged(ReasonCode(0x10));
        tally.add_acknowledged(ReasonCode(0xFF));
        let seen: Vec<_> = tally.acknowledged().filter(|(_, count)| *count > 0).collect();
        assert_eq!(seen, [(ReasonCode(0x10), 1), (ReasonCode(0xFF), 1)]);
    }
}
