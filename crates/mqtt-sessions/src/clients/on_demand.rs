//! The lifecycle of a client's session: connected while its client publishes, closed when it is evicted.

use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};

use super::registry::Registry;
use super::tally::ClientTally;
use crate::session::{Admission, Event, EvictionReason, Kind, Lifecycle, Retirement, Submission};

/// The lifecycle of one client's session.
#[derive(Debug)]
pub(super) struct OnDemand {
    client: Arc<str>,
    bell: Arc<Notify>,
    registry: Arc<Registry>,
    limits: Limits,
    tally: Arc<ClientTally>,
}

/// The limits of all clients' sessions together.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// One permit for each connection.
    pub(super) connections: Arc<Semaphore>,
    /// One permit for each attempt to connect.
    pub(super) attempts: Arc<Semaphore>,
}

// === impl OnDemand ===

impl OnDemand {
    pub(super) const fn new(
        client: Arc<str>,
        bell: Arc<Notify>,
        registry: Arc<Registry>,
        limits: Limits,
        tally: Arc<ClientTally>,
    ) -> Self {
        Self { client, bell, registry, limits, tally }
    }
}

impl Lifecycle for OnDemand {
    const KIND: Kind = Kind::Client;

    async fn admission(&self) -> Admission {
        // The semaphores are never closed.
        let connection = Arc::clone(&self.limits.connections).acquire_owned().await.ok();
        let attempt = Arc::clone(&self.limits.attempts).acquire_owned().await.ok();
        Admission { connection, attempt }
    }

    async fn evicted(&self) -> EvictionReason {
        loop {
            self.bell.notified().await;
            // A publish may have acquired the session since the bell rang.
            if let Some(reason) = self.registry.eviction(&self.client) {
                return reason;
            }
        }
    }

    fn is_evicted(&self) -> bool {
        self.registry.eviction(&self.client).is_some()
    }

    async fn released(&self) {
        self.bell.notified().await;
    }

    fn retire(&self) -> Retirement {
        self.registry.remove(&self.client)
    }

    /// A client has one session.
    fn hand_over(&self, leave: impl FnOnce() -> Vec<Submission>) -> Vec<Submission> {
        leave()
    }

    fn record(&self, event: Event<'_>) {
        self.tally.record(event);
    }
}
