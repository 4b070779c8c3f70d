//! The sessions of clients, shared by publishes and by the sessions' own tasks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::table::{Acquired, Full, LastUse, Table};
use crate::error::Overload;
use crate::login::LatestPassword;
use crate::session::{EvictionReason, Retirement, Session};

/// A [`Table`] behind a lock.
#[derive(Debug)]
pub(super) struct Registry(Mutex<Table<Handle>>);

/// A client's session.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    pub(super) client: Arc<str>,
    pub(super) session: Arc<Session>,
    /// Rings when the session is evicted, and when the last publish releases it while it has no connection.
    pub(super) bell: Arc<Notify>,
    /// `None`: it logs in as the configuration says.
    pub(super) password: Option<LatestPassword>,
}

// === impl Registry ===

impl Registry {
    pub(super) fn new(limit: usize) -> Self {
        Self(Mutex::new(Table::new(limit)))
    }

    pub(super) fn len(&self) -> usize {
        self.table().len()
    }

    /// Acquires the client's session. The one that is evicted to make room for it is told so.
    pub(super) fn acquire(
        &self,
        client: &str,
        open: impl FnOnce(&Arc<str>) -> Handle,
    ) -> Result<Handle, Overload> {
        let acquired = self.table().acquire(client, open);
        let Acquired { session, evicted } = acquired.map_err(|Full| Overload::ClientSessions)?;
        if let Some(evicted) = evicted {
            evicted.bell.notify_one();
        }
        Ok(session)
    }

    pub(super) fn release(&self, client: &Arc<str>) -> LastUse {
        self.table().release(client, Instant::now())
    }

    /// Evicts the sessions that have been idle for `idle_timeout`. Returns since when the longest idle of the others is.
    pub(super) fn evict_idle(&self, now: Instant, idle_timeout: Duration) -> Option<Instant> {
        let (evicted, idle_since) = {
            let mut table = self.table();
            let evicted = now.checked_sub(idle_timeout).map(|before| table.evict_idle(before));
            (evicted.unwrap_or_default(), table.idle_since())
        };
        evicted.iter().for_each(|handle| handle.bell.notify_one());
        idle_since
    }

    pub(super) fn eviction(&self, client: &str) -> Option<EvictionReason> {
        self.table().eviction(client)
    }

    pub(super) fn remove(&self, client: &str) -> Retirement {
        self.table().remove(client)
    }

    fn table(&self) -> MutexGuard<'_, Table<Handle>> {
        // Each method of the table leaves it consistent, even if a thread panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
