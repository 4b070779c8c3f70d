//! Sessions of clients: each client publishes under its own Client Identifier, so that the broker's rules for it apply.
//!
//! A session is opened when its client publishes for the first time, is shared by all messages of the client, and is closed
//! when the client has been idle for a while, or when another client needs the room. The number of sessions is limited, and
//! so is the number of those that are connecting.
//!
//! `table` decides which client has a session. A publish holds a `lease` while it uses one. `on_demand` is the lifecycle
//! that a session's task follows.

mod lease;
mod on_demand;
mod registry;
mod table;
mod tally;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

pub(crate) use self::lease::Lease;
use self::on_demand::{Limits, OnDemand};
use self::registry::{Handle, Registry};
pub use self::tally::{ClientTally, ConnectOutcome, DisconnectReason};
use crate::config::{ClientLogin, ClientSessions};
use crate::error::PublishError;
pub use crate::login::Client;
use crate::login::own_login;
use crate::session::{Session, SessionOptions};

/// The sessions of clients.
pub struct Clients {
    registry: Arc<Registry>,
    settings: ClientSessions,
    limits: Limits,
    tally: Arc<ClientTally>,
    /// The options of every session, except for its Client Identifier.
    options: SessionOptions,
    hasher: RandomState,
    tasks: TaskTracker,
}

// === impl Clients ===

impl Clients {
    /// Starts without sessions. Later ones run on `tasks`, with `options`.
    pub(crate) fn start(settings: ClientSessions, options: SessionOptions, tasks: &TaskTracker) -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.clamp(1, Semaphore::MAX_PERMITS)));
        let registry = Arc::new(Registry::new(settings.limit));
        tasks.spawn(evict_idle(Arc::clone(&registry), settings.clone(), options.clone()));
        Self {
            registry,
            limits: Limits { connections: semaphore(settings.limit), attempts: semaphore(settings.connects) },
            settings,
            tally: Arc::new(ClientTally::default()),
            options,
            hasher: RandomState::new(),
            tasks: tasks.clone(),
        }
    }

    /// Acquires the client's session, which is opened if there is none.
    ///
    /// # Errors
    ///
    /// Returns an error if the limit of sessions is reached and all of them are in use, or if a Password is missing.
    pub(crate) fn acquire(&self, client: Client<'_>) -> Result<Lease, PublishError> {
        let password = match self.settings.login {
            ClientLogin::Configured => None,
            ClientLogin::Own => Some(client.password.ok_or(PublishError::MissingPassword)?),
        };
        let handle = self.registry.acquire(client.id, |client| self.open(client, password))?;
        if let Some((latest, password)) = handle.password.as_ref().zip(password) {
            // Before the message is submitted, so that the session's task sees it first.
            latest.update(password);
        }
        Ok(Lease::new(Arc::clone(&self.registry), handle))
    }

    /// How many clients have a session, connected or not.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.registry.len()
    }

    /// The maximum number of sessions.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.settings.limit
    }

    /// How the sessions log in.
    #[must_use]
    pub const fn login(&self) -> ClientLogin {
        self.settings.login
    }

    /// Counts of connections.
    #[must_use]
    pub fn tally(&self) -> &ClientTally {
        &self.tally
    }

    fn open(&self, client: &Arc<str>, password: Option<&str>) -> Handle {
        let bell = Arc::new(Notify::new());
        let lifecycle = Arc::new(OnDemand::new(
            Arc::clone(client),
            Arc::clone(&bell),
            Arc::clone(&self.registry),
            self.limits.clone(),
            Arc::clone(&self.tally),
        ));
        let mut options = self.options.clone();
        options.client_identifier = format!("{}{client}", self.settings.prefix);
        // A client that comes back starts at the same broker, which may still have its session.
        options.number = usize::try_from(self.hasher.hash_one(client) >> 32).unwrap_or_default();
        let (password, login) = password.map(|password| own_login(client, password)).unzip();
        options.login = login;
        let (session, inbox) = Session::new(options.config.publish_timeout);
        inbox.start(options, lifecycle, &self.tasks);
        let session = Arc::new(session);
        Handle { client: Arc::clone(client), session, bell, password }
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Evicts idle sessions until the pool is closed.
async fn evict_idle(registry: Arc<Registry>, settings: ClientSessions, options: SessionOptions) {
    loop {
        let now = Instant::now();
        let idle_since = registry.evict_idle(now, settings.idle_timeout);
        // A session that becomes idle from now on is not due earlier.
        let next = idle_since.unwrap_or(now) + settings.idle_timeout;
        tokio::select! {
            () = options.closing.cancelled() => return,
            () = sleep_until(next) => {}
        }
    }
}
