//! Which clients have a session, which publishes use it, and which session makes room for another. No I/O, no tasks.
//!
//! A publish [acquires](Table::acquire) its client's session and [releases](Table::release) it when its outcome is known. A
//! session that no publish uses is *idle*, and may be *evicted*: it is then asked to close its connection. Its client may
//! acquire it again before it has done so. The session ends when it is [removed](Table::remove), which is possible only
//! while no publish uses it.

use std::collections::hash_map::HashMap;
use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

use tokio::time::Instant;

use crate::session::{EvictionReason, Retirement};

/// Sessions by client.
#[derive(Debug)]
pub(super) struct Table<S> {
    /// The maximum number of sessions that are not evicted.
    limit: usize,
    entries: HashMap<Arc<str>, Entry<S>>,
    /// The idle ones, the longest idle first.
    idle: BTreeMap<u64, Idle>,
    /// The key of the next idle one.
    next: u64,
    /// How many entries are evicted.
    evicted: usize,
}

#[derive(Debug)]
struct Entry<S> {
    session: S,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// This number of publishes use it; at least 1.
    InUse(usize),
    /// Its key among the idle ones.
    Idle(u64),
    /// It was asked to close its connection.
    Evicted(EvictionReason),
}

#[derive(Debug)]
struct Idle {
    client: Arc<str>,
    since: Instant,
}

/// A session that was acquired.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Acquired<S> {
    pub(super) session: S,
    /// The session that was evicted to make room.
    pub(super) evicted: Option<S>,
}

/// Whether a publish was the last one that used a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastUse {
    /// Other publishes use it.
    No,
    /// It is idle now.
    Yes,
}

/// The limit is reached, and every session is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

// === impl Table ===

impl<S: Clone> Table<S> {
    /// A table of at most `limit` sessions, at least 1.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), entries: HashMap::new(), idle: BTreeMap::new(), next: 0, evicted: 0 }
    }

    /// How many sessions there are, including evicted ones that have not ended.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Acquires the client's session. `open` makes one if there is none.
    pub(super) fn acquire(
        &mut self,
        client: &str,
        open: impl FnOnce(&Arc<str>) -> S,
    ) -> Result<Acquired<S>, Full> {
        let (uses, evicted) = match self.entries.get(client).map(|entry| entry.state) {
            Some(State::InUse(uses)) => (uses + 1, None),
            Some(State::Idle(key)) => {
                self.idle.remove(&key);
                (1, None)
            }
            Some(State::Evicted(_)) => {
                let evicted = self.make_room()?;
                self.evicted -= 1;
                (1, evicted)
            }
            None => (1, self.make_room()?),
        };
        let state = State::InUse(uses);
        if let Some(entry) = self.entries.get_mut(client) {
            entry.state = state;
            return Ok(Acquired { session: entry.session.clone(), evicted });
        }
        let client: Arc<str> = client.into();
        let session = open(&client);
        self.entries.insert(client, Entry { session: session.clone(), state });
        Ok(Acquired { session, evicted })
    }

    /// A publish no longer uses the client's session.
    pub(super) fn release(&mut self, client: &Arc<str>, now: Instant) -> LastUse {
        let Some(entry) = self.entries.get_mut(client) else { return LastUse::No };
        match entry.state {
            State::InUse(uses) if uses > 1 => {
                entry.state = State::InUse(uses - 1);
                LastUse::No
            }
            State::InUse(_) => {
                let key = self.next;
                self.next += 1;
                self.idle.insert(key, Idle { client: Arc::clone(client), since: now });
                entry.state = State::Idle(key);
                LastUse::Yes
            }
            State::Idle(_) | State::Evicted(_) => LastUse::No,
        }
    }

    /// Evicts the sessions that have been idle since `before` or longer.
    pub(super) fn evict_idle(&mut self, before: Instant) -> Vec<S> {
        let mut evicted = Vec::new();
        while let Some(longest) = self.idle.first_entry().filter(|first| first.get().since <= before) {
            evicted.extend(evict(longest, EvictionReason::Idle, &mut self.entries, &mut self.evicted));
        }
        evicted
    }

    /// Since when the longest idle session is idle.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.idle.first_key_value().map(|(_, idle)| idle.since)
    }

    /// Why the client's session is evicted. `None`: it is not, or was acquired again.
    pub(super) fn eviction(&self, client: &str) -> Option<EvictionReason> {
        match self.entries.get(client)?.state {
            State::Evicted(reason) => Some(reason),
            State::InUse(_) | State::Idle(_) => None,
        }
    }

    /// Removes the client's session, unless a publish uses it.
    pub(super) fn remove(&mut self, client: &str) -> Retirement {
        match self.entries.get(client).map(|entry| entry.state) {
            Some(State::InUse(_)) => return Retirement::InUse,
            Some(State::Idle(key)) => drop(self.idle.remove(&key)),
            Some(State::Evicted(_)) => self.evicted -= 1,
            None => {}
        }
        self.entries.remove(client);
        Retirement::Retired
    }

    /// Makes room for one more session: evicts the longest idle one if the limit is reached.
    fn make_room(&mut self) -> Result<Option<S>, Full> {
        if self.entries.len() - self.evicted < self.limit {
            return Ok(None);
        }
        let longest = self.idle.first_entry().ok_or(Full)?;
        Ok(evict(longest, EvictionReason::Room, &mut self.entries, &mut self.evicted))
    }
}

fn evict<S: Clone>(
    idle: btree_map::OccupiedEntry<'_, u64, Idle>,
    reason: EvictionReason,
    entries: &mut HashMap<Arc<str>, Entry<S>>,
    count: &mut usize,
) -> Option<S> {
    let Idle { client, .. } = idle.remove();
    let entry = entries.get_mut(&client)?;
    entry.state = State::Evicted(reason);
    *count += 1;
    Some(entry.session.clone())
}

#[cfg(test)]
mod tests;
