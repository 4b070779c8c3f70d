//! How much of a budget each owner of messages uses, so that none uses all of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The shares of all owners that have something in flight.
#[derive(Debug)]
pub(crate) struct Shares {
    /// The maximum of each owner.
    share: Used,
    /// An owner is known by a number, so that its name is not copied. It is random which names have the same number.
    hasher: RandomState,
    used: Mutex<HashMap<OwnerNumber, Used>>,
}

/// An owner within [`Shares`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct OwnerNumber(u64);

/// What an owner has in flight.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

// === impl Shares ===

impl Shares {
    pub(crate) fn new(share: Used) -> Self {
        Self { share, hasher: RandomState::new(), used: Mutex::new(HashMap::new()) }
    }

    pub(crate) fn number(&self, owner: &impl Hash) -> OwnerNumber {
        OwnerNumber(self.hasher.hash_one(owner))
    }

    /// `None`: the owner would have more than its share. Nothing changes then.
    pub(crate) fn acquire(&self, owner: OwnerNumber, more: Used) -> Option<()> {
        let mut used = self.used();
        let before = used.get(&owner).copied().unwrap_or_default();
        let after = Used {
            messages: before.messages.saturating_add(more.messages),
            bytes: before.bytes.saturating_add(more.bytes),
        };
        if after.messages > self.share.messages || after.bytes > self.share.bytes {
            return None;
        }
        used.insert(owner, after);
        Some(())
    }

    pub(crate) fn release(&self, owner: OwnerNumber, less: Used) {
        let mut all = self.used();
        let Entry::Occupied(mut entry) = all.entry(owner) else { return };
        let used = entry.get_mut();
        used.messages = used.messages.saturating_sub(less.messages);
        used.bytes = used.bytes.saturating_sub(less.bytes);
        if used.messages == 0 {
            entry.remove();
        }
    }

    fn used(&self) -> MutexGuard<'_, HashMap<OwnerNumber, Used>> {
        // It is consistent after every statement, even if a thread panicked.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
