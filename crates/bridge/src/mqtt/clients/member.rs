//! The two ends of a client's session: the [`Lease`] of a publish that uses it, and the [`Member`] with which the session's
//! task finds out whether anybody does.

use std::sync::{Arc, Weak};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::table::Last;
use super::{ClientTally, Clients, Handle, Why};
use crate::budget::Permit;
use crate::mqtt::codec::publish::EncodedPublish;
use crate::mqtt::error::{PublishError, Published};
use crate::mqtt::session::Status;

/// A publish's hold on its client's session; while it is there, the session stays.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) clients: Arc<Clients>,
    pub(super) handle: Handle,
}

/// What a session's task knows of its place among the others.
#[derive(Debug)]
pub(in crate::mqtt) struct Member {
    pub(super) clients: Weak<Clients>,
    pub(super) tally: Arc<ClientTally>,
    pub(super) gates: Gates,
    pub(super) client: Arc<str>,
    /// Rings when the session was let go, and when it has no connection and the last publish has given it back.
    pub(super) bell: Arc<Notify>,
}

/// What a session passes on its way to a connection.
#[derive(Clone, Debug)]
pub(super) struct Gates {
    /// One for each connection that there may be.
    pub(super) places: Arc<Semaphore>,
    /// One for each that may be connecting.
    pub(super) turns: Arc<Semaphore>,
}

/// The right to connect.
#[derive(Debug)]
pub(in crate::mqtt) struct Admission {
    /// To be kept while there is a connection.
    pub(in crate::mqtt) place: Option<OwnedSemaphorePermit>,
    /// To be kept until it is known whether there is one.
    pub(in crate::mqtt) turn: Option<OwnedSemaphorePermit>,
}

// === impl Lease ===

impl Lease {
    /// Publishes over the session, and waits for the outcome.
    pub(super) async fn publish(
        &self,
        packet: EncodedPublish,
        permit: Permit,
    ) -> Result<Published, PublishError> {
        self.handle.session.publish(packet, permit).await
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Handle { client, session, bell } = &self.handle;
        let last = self.clients.table().give_back(client, Instant::now());
        if last == Last::Yes && session.status() == Status::Disconnected {
            // It may have nothing to stay for.
            bell.notify_one();
        }
    }
}

// === impl Member ===

impl Member {
    /// Waits until the session is let go. At that moment nobody has taken it; who takes it later finds its messages
    /// waiting until the session [retires](Self::retire) or goes on.
    pub(in crate::mqtt) async fn let_go(&self) -> Why {
        loop {
            self.bell.notified().await;
            // It may have been taken again since the bell rang.
            let why = self.clients.upgrade().map(|clients| clients.table().let_go(&self.client));
            if let Some(why) = why.unwrap_or(Some(Why::Idle)) {
                return why;
            }
        }
    }

    /// Waits until the session should look whether it has anything to stay for.
    pub(in crate::mqtt) async fn called(&self) {
        self.bell.notified().await;
    }

    /// Whether the session was let go.
    pub(in crate::mqtt) fn is_let_go(&self) -> bool {
        self.clients.upgrade().is_none_or(|clients| clients.table().let_go(&self.client).is_some())
    }

    /// Gives up the session's place among the others, and says that it did so; not where a publish has taken it.
    pub(in crate::mqtt) fn retire(&self) -> bool {
        self.clients.upgrade().is_none_or(|clients| clients.table().retire(&self.client))
    }

    /// Waits until there is room for another connection, and for another attempt to make one.
    pub(in crate::mqtt) async fn admission(&self) -> Admission {
        // The semaphores are never closed.
        let place = Arc::clone(&self.gates.places).acquire_owned().await.ok();
        let turn = Arc::clone(&self.gates.turns).acquire_owned().await.ok();
        Admission { place, turn }
    }

    /// Where to count what happens.
    pub(in crate::mqtt) fn tally(&self) -> &ClientTally {
        &self.tally
    }
}
