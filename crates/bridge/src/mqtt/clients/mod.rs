//! Sessions of clients: each publishes under its own Client Identifier, so that the broker's own rules about it apply.
//!
//! A session is made when its client first publishes, shared by all that the client publishes meanwhile, and closed when
//! the client has been quiet for a while, or when another one needs the room. However many clients come, no more than a
//! fixed number have a session, and fewer are connecting at a time. `table` decides who has one; `member` is what ties
//! each publish and each session's task to it.

mod member;
mod table;
mod tally;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_publish::ClientId;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

pub(super) use self::member::{Admission, Member};
use self::member::{Gates, Lease};
use self::table::{Full, Table, Taken};
pub use self::tally::{ClientTally, Connect, Disconnect};
use super::codec::publish::EncodedPublish;
use super::config::ClientSessions;
use super::error::{PublishError, Published};
use super::session::{Session, SessionOptions};
use crate::budget::Permit;

/// Why a session is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Its client has not published for a while.
    Idle,
    /// Another client needs the room.
    Room,
}

/// The sessions of clients.
pub struct Clients {
    table: Mutex<Table<Handle>>,
    settings: ClientSessions,
    gates: Gates,
    tally: Arc<ClientTally>,
    /// What every session is started with, but for its Client Identifier.
    options: SessionOptions,
    tasks: TaskTracker,
}

/// A client's session.
#[derive(Clone, Debug)]
struct Handle {
    client: Arc<str>,
    session: Arc<Session>,
    /// Calls the session's task.
    bell: Arc<Notify>,
}

// === impl Clients ===

impl Clients {
    /// No sessions yet; those to come run on `tasks`, and start with `options`.
    pub(super) fn start(settings: ClientSessions, options: SessionOptions, tasks: &TaskTracker) -> Arc<Self> {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.clamp(1, Semaphore::MAX_PERMITS)));
        let clients = Arc::new(Self {
            table: Mutex::new(Table::new(settings.limit)),
            gates: Gates { places: semaphore(settings.limit), turns: semaphore(settings.connects) },
            settings,
            tally: Arc::new(ClientTally::default()),
            options,
            tasks: tasks.clone(),
        });
        tasks.spawn(let_go_idle(Arc::clone(&clients)));
        clients
    }

    /// Publishes over the client's session, and waits for the outcome.
    ///
    /// # Errors
    ///
    /// As [`Pool::publish`](super::Pool::publish); also where as many clients as may have a session are publishing.
    pub(super) async fn publish(
        self: &Arc<Self>,
        client: &ClientId<'_>,
        packet: EncodedPublish,
        permit: Permit,
    ) -> Result<Published, PublishError> {
        self.lease(client)?.publish(packet, permit).await
    }

    /// How many clients have a session, connected or not.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.table().len()
    }

    /// How many may have one.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.settings.limit
    }

    /// What became of their connections.
    #[must_use]
    pub fn tally(&self) -> &ClientTally {
        &self.tally
    }

    fn lease(self: &Arc<Self>, client: &ClientId<'_>) -> Result<Lease, PublishError> {
        if self.options.closing.is_cancelled() {
            return Err(PublishError::BrokerUnavailable("the bridge is shutting down".to_owned()));
        }
        let taken = self.table().take(client.as_str(), |client| self.open(client));
        let Taken { session: handle, instead_of } = taken.map_err(|Full| {
            PublishError::Overloaded("as many clients as may have a session are publishing".to_owned())
        })?;
        if let Some(other) = instead_of {
            other.bell.notify_one();
        }
        Ok(Lease { clients: Arc::clone(self), handle })
    }

    fn open(self: &Arc<Self>, client: &Arc<str>) -> Handle {
        let bell = Arc::new(Notify::new());
        let member = Member {
            clients: Arc::downgrade(self),
            tally: Arc::clone(&self.tally),
            gates: self.gates.clone(),
            client: Arc::clone(client),
            bell: Arc::clone(&bell),
        };
        let mut options = self.options.clone();
        options.client_identifier = format!("{}{client}", self.settings.prefix);
        let session = Arc::new(Session::start_on_demand(options, member, &self.tasks));
        Handle { client: Arc::clone(client), session, bell }
    }

    fn table(&self) -> MutexGuard<'_, Table<Handle>> {
        // Each change is made whole, whoever panicked.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Lets sessions go that have been idle for long enough, until the bridge shuts down.
async fn let_go_idle(clients: Arc<Clients>) {
    let idle_timeout = clients.settings.idle_timeout;
    loop {
        let now = Instant::now();
        let (gone, since) = {
            let mut table = clients.table();
            let gone = now.checked_sub(idle_timeout).map(|before| table.let_go_idle(before));
            (gone.unwrap_or_default(), table.idle_since())
        };
        gone.iter().for_each(|handle| handle.bell.notify_one());
        // What becomes idle from now on is not due before this.
        let next = since.unwrap_or(now) + idle_timeout;
        tokio::select! {
            () = clients.options.closing.cancelled() => return,
            () = sleep_until(next) => {}
        }
    }
}
