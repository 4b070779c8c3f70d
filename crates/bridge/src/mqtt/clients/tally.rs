//! What became of clients' connections, counted.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::Why;
use crate::mqtt::connector::ConnectError;
use crate::mqtt::session::End;

/// Numbers over the sessions of all clients.
#[derive(Debug, Default)]
pub struct ClientTally {
    connected: AtomicUsize,
    connects: [AtomicU64; Connect::ALL.len()],
    disconnects: [AtomicU64; Disconnect::ALL.len()],
}

/// How an attempt to connect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connect {
    /// The broker let the client in.
    Accepted,
    /// The broker's CONNACK says no.
    Refused,
    /// It did not get so far.
    Failed,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disconnect {
    /// Nobody published over it for a while.
    Idle,
    /// Another client needed the room.
    Room,
    /// Another connection has logged in with the same Client Identifier.
    TakenOver,
    /// The broker ended it otherwise, or it broke.
    Lost,
}

// === impl ClientTally ===

impl ClientTally {
    /// How many clients have a connection.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.connected.load(Ordering::Relaxed)
    }

    /// How many attempts to connect ended in each way.
    pub fn connects(&self) -> impl Iterator<Item = (Connect, u64)> {
        Connect::ALL.into_iter().zip(self.connects.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// How many connections ended for each reason.
    pub fn disconnects(&self) -> impl Iterator<Item = (Disconnect, u64)> {
        Disconnect::ALL.into_iter().zip(self.disconnects.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    pub(in crate::mqtt) fn add_connect(&self) {
        self.connected.fetch_add(1, Ordering::Relaxed);
        self.count(Connect::Accepted);
    }

    pub(in crate::mqtt) fn add_failed_connect(&self, error: &ConnectError) {
        self.count(if matches!(error, ConnectError::Refused(_)) {
            Connect::Refused
        } else {
            Connect::Failed
        });
    }

    pub(in crate::mqtt) fn add_disconnect(&self, end: &End) {
        self.connected.fetch_sub(1, Ordering::Relaxed);
        let reason = match end {
            End::Closed => return,
            End::LetGo(Why::Idle) => Disconnect::Idle,
            End::LetGo(Why::Room) => Disconnect::Room,
            end if end.is_take_over() => Disconnect::TakenOver,
            _ => Disconnect::Lost,
        };
        if let Some(count) = self.disconnects.get(reason as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn count(&self, outcome: Connect) {
        if let Some(count) = self.connects.get(outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

// === impl Connect ===

impl Connect {
    const ALL: [Self; 3] = [Self::Accepted, Self::Refused, Self::Failed];

    /// Its name, as a label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

// === impl Disconnect ===

impl Disconnect {
    const ALL: [Self; 4] = [Self::Idle, Self::Room, Self::TakenOver, Self::Lost];

    /// Its name, as a label.
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
