//! Which clients have a session, who publishes over it, and which one makes room for another: no I/O, no tasks.
//!
//! Every publish [takes](Table::take) its client's session and [gives it back](Table::give_back) when its outcome is known.
//! A session that nobody has taken is *idle*, and may be *let go*: it is then asked to close its connection. A client may
//! come back before it has done so; whether it goes is settled when it [retires](Table::retire), which only one that nobody
//! has taken can do.

use std::collections::hash_map::HashMap;
use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

use tokio::time::Instant;

use super::Why;

/// Sessions by client.
#[derive(Debug)]
pub(super) struct Table<S> {
    /// How many sessions there may be that were not let go.
    limit: usize,
    entries: HashMap<Arc<str>, Entry<S>>,
    /// The idle ones, the longest unused first.
    idle: BTreeMap<u64, Idle>,
    /// The key of the next idle one.
    next: u64,
    /// How many were let go and are still there.
    let_go: usize,
}

#[derive(Debug)]
struct Entry<S> {
    session: S,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// So many publishes have taken it; at least 1.
    Taken(usize),
    /// It is this one of the idle ones.
    Idle(u64),
    /// It was asked to close its connection.
    LetGo(Why),
}

#[derive(Debug)]
struct Idle {
    client: Arc<str>,
    since: Instant,
}

/// A session that was taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken<S> {
    pub(super) session: S,
    /// The one that was let go to make room for it.
    pub(super) instead_of: Option<S>,
}

/// Whether a publish was the last that had taken a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// Others have taken it too.
    No,
    /// It is idle now.
    Yes,
}

/// As many clients as may have a session are publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

// === impl Table ===

impl<S: Clone> Table<S> {
    /// For at most so many sessions; at least 1.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), entries: HashMap::new(), idle: BTreeMap::new(), next: 0, let_go: 0 }
    }

    /// How many sessions there are, those that were let go among them.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes the client's session, which `open` makes where there is none.
    pub(super) fn take(&mut self, client: &str, open: impl FnOnce(&Arc<str>) -> S) -> Result<Taken<S>, Full> {
        let standing = self.entries.get(client).map(|entry| entry.standing);
        let (publishes, instead_of) = match standing {
            Some(Standing::Taken(publishes)) => (publishes + 1, None),
            Some(Standing::Idle(key)) => {
                self.idle.remove(&key);
                (1, None)
            }
            Some(Standing::LetGo(_)) => {
                let instead_of = self.make_room()?;
                self.let_go -= 1;
                (1, instead_of)
            }
            None => (1, self.make_room()?),
        };
        let standing = Standing::Taken(publishes);
        if let Some(entry) = self.entries.get_mut(client) {
            entry.standing = standing;
            return Ok(Taken { session: entry.session.clone(), instead_of });
        }
        let client: Arc<str> = client.into();
        let session = open(&client);
        self.entries.insert(client, Entry { session: session.clone(), standing });
        Ok(Taken { session, instead_of })
    }

    /// One of the publishes that have taken the client's session has its outcome. The answer is whether it was the last.
    pub(super) fn give_back(&mut self, client: &Arc<str>, now: Instant) -> Last {
        let Some(entry) = self.entries.get_mut(client) else { return Last::No };
        match entry.standing {
            Standing::Taken(publishes) if publishes > 1 => {
                entry.standing = Standing::Taken(publishes - 1);
                Last::No
            }
            Standing::Taken(_) => {
                let key = self.next;
                self.next += 1;
                self.idle.insert(key, Idle { client: Arc::clone(client), since: now });
                entry.standing = Standing::Idle(key);
                Last::Yes
            }
            Standing::Idle(_) | Standing::LetGo(_) => Last::No,
        }
    }

    /// Lets those go that have been idle since `before`, or longer.
    pub(super) fn let_go_idle(&mut self, before: Instant) -> Vec<S> {
        let mut gone = Vec::new();
        while let Some(longest) = self.idle.first_entry().filter(|first| first.get().since <= before) {
            gone.extend(let_go(longest, Why::Idle, &mut self.entries, &mut self.let_go));
        }
        gone
    }

    /// Since when the longest unused session has been idle.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.idle.first_key_value().map(|(_, idle)| idle.since)
    }

    /// Why the client's session was let go; `None` where it was not, or was taken again since.
    pub(super) fn let_go(&self, client: &str) -> Option<Why> {
        match self.entries.get(client)?.standing {
            Standing::LetGo(why) => Some(why),
            Standing::Taken(_) | Standing::Idle(_) => None,
        }
    }

    /// Forgets the client's session, and says that it did so; not where it is taken.
    pub(super) fn retire(&mut self, client: &str) -> bool {
        match self.entries.get(client).map(|entry| entry.standing) {
            Some(Standing::Taken(_)) => return false,
            Some(Standing::Idle(key)) => drop(self.idle.remove(&key)),
            Some(Standing::LetGo(_)) => self.let_go -= 1,
            None => {}
        }
        self.entries.remove(client);
        true
    }

    /// Makes sure that one more session has room: lets the longest unused one go where it has to.
    fn make_room(&mut self) -> Result<Option<S>, Full> {
        if self.entries.len() - self.let_go < self.limit {
            return Ok(None);
        }
        let longest = self.idle.first_entry().ok_or(Full)?;
        Ok(let_go(longest, Why::Room, &mut self.entries, &mut self.let_go))
    }
}

fn let_go<S: Clone>(
    idle: btree_map::OccupiedEntry<'_, u64, Idle>,
    why: Why,
    entries: &mut HashMap<Arc<str>, Entry<S>>,
    count: &mut usize,
) -> Option<S> {
    let Idle { client, .. } = idle.remove();
    let entry = entries.get_mut(&client)?;
    entry.standing = Standing::LetGo(why);
    *count += 1;
    Some(entry.session.clone())
}

#[cfg(test)]
mod tests;
