//! Counts of clients' connections.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::connector::ConnectError;
use crate::session::{End, Event, EvictionReason};

/// Counters over the sessions of all clients.
#[derive(Debug, Default)]
pub struct ClientTally {
    connected: AtomicUsize,
    connects: [AtomicU64; ConnectOutcome::ALL.len()],
    disconnects: [AtomicU64; DisconnectReason::ALL.len()],
}

/// How an attempt to connect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectOutcome {
    /// The broker accepted the connection.
    Accepted,
    /// The broker refused the connection in its CONNACK.
    Refused,
    /// There was no CONNACK.
    Failed,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The client was idle.
    Idle,
    /// Another client needed the room.
    Room,
    /// Another connection uses the same Client Identifier.
    TakenOver,
    /// The broker closed the connection for another reason, or it broke.
    Lost,
}

// === impl ClientTally ===

impl ClientTally {
    /// How many clients have a connection.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.connected.load(Ordering::Relaxed)
    }

    /// How many attempts to connect had each outcome.
    pub fn connects(&self) -> impl Iterator<Item = (ConnectOutcome, u64)> {
        ConnectOutcome::ALL.into_iter().zip(self.connects.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// How many connections ended for each reason.
    pub fn disconnects(&self) -> impl Iterator<Item = (DisconnectReason, u64)> {
        let counts = self.disconnects.iter().map(|count| count.load(Ordering::Relaxed));
        DisconnectReason::ALL.into_iter().zip(counts)
    }

    pub(super) fn record(&self, event: Event<'_>) {
        match event {
            Event::Connected => {
                self.connected.fetch_add(1, Ordering::Relaxed);
                self.add_connect(ConnectOutcome::Accepted);
            }
            Event::ConnectFailed(ConnectError::Refused { .. }) => self.add_connect(ConnectOutcome::Refused),
            Event::ConnectFailed(_) => self.add_connect(ConnectOutcome::Failed),
            Event::Disconnected(end) => {
                self.connected.fetch_sub(1, Ordering::Relaxed);
                self.add_disconnect(end);
            }
        }
    }

    fn add_connect(&self, outcome: ConnectOutcome) {
        if let Some(count) = self.connects.get(outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn add_disconnect(&self, end: &End) {
        let reason = match end {
            End::Closed => return,
            End::Evicted(EvictionReason::Idle) => DisconnectReason::Idle,
            End::Evicted(EvictionReason::Room) => DisconnectReason::Room,
            end if end.is_take_over() => DisconnectReason::TakenOver,
            _ => DisconnectReason::Lost,
        };
        if let Some(count) = self.disconnects.get(reason as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

// === impl ConnectOutcome ===

impl ConnectOutcome {
    const ALL: [Self; 3] = [Self::Accepted, Self::Refused, Self::Failed];

    /// The name, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

// === impl DisconnectReason ===

impl DisconnectReason {
    const ALL: [Self; 4] = [Self::Idle, Self::Room, Self::TakenOver, Self::Lost];

    /// The name, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Room => "room",
            Self::TakenOver => "taken_over",
            Self::Lost => "lost",
        }
    }
}
