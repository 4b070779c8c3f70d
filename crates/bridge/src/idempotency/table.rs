//! The keys that a bridge holds, within limits of time, number and memory.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use http_publish::Problem;
use tokio::sync::watch;
use tokio::time::Instant;

use super::KeyLimits;
use super::fingerprint::{Fingerprint, KeyId};
use crate::translate::Published;

/// What the message of a key came to.
pub(crate) type Outcome = Result<Published, Arc<Problem>>;

/// The keys.
#[derive(Debug)]
pub(super) struct Table {
    limits: KeyLimits,
    entries: HashMap<KeyId, Entry>,
    /// The keys whose outcome is kept, the oldest first.
    kept: VecDeque<KeyId>,
    bytes: usize,
    evicted: u64,
}

/// A key.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) fingerprint: Fingerprint,
    pub(super) state: State,
}

/// What is known of a key's message.
#[derive(Debug)]
pub(super) enum State {
    /// It is on its way.
    UnderWay(UnderWay),
    /// Its outcome is kept.
    Kept { outcome: Outcome, until: Instant },
}

/// A message on its way.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) progress: watch::Receiver<Progress>,
    pub(super) attended: Attended,
}

/// Whether a request waits for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attended {
    Yes,
    No,
}

/// How far the message of a key has come.
#[derive(Clone, Debug)]
pub(super) enum Progress {
    UnderWay,
    /// Its publish time-out has passed. A PUBACK may still come.
    TimedOut,
    /// It is acknowledged, and a repeat gets this outcome.
    Kept(Outcome),
    /// It was not published, or that stays unknown. A repeat publishes.
    Freed(Outcome),
}

/// There is no room for another key: all are of messages on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The memory of a key in bytes: its entry in a map that is half empty, its place in the order, and its channel.
const ENTRY_BYTES: usize = 2 * size_of::<(KeyId, Entry)>() + size_of::<KeyId>() + 128;

// === impl Table ===

impl Table {
    pub(super) fn new(limits: KeyLimits) -> Self {
        Self { limits, entries: HashMap::new(), kept: VecDeque::new(), bytes: 0, evicted: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many outcomes made room for a new key before their time.
    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(super) fn get_mut(&mut self, id: KeyId) -> Option<&mut Entry> {
        self.entries.get_mut(&id)
    }

    /// Drops the outcomes whose time is over.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(oldest) = self.kept.front() {
            match self.entries.get(oldest).map(|entry| &entry.state) {
                Some(State::Kept { until, .. }) if *until > now => return,
                _ => self.drop_oldest(),
            }
        }
    }

    /// Adds a key that is not there. The oldest outcomes make room for it.
    pub(super) fn add(&mut self, id: KeyId, entry: Entry) -> Result<(), Full> {
        self.make_room(1, ENTRY_BYTES)?;
        self.bytes += ENTRY_BYTES;
        self.entries.insert(id, entry);
        Ok(())
    }

    /// Keeps the outcome of a key that is there, if there is room for it.
    pub(super) fn keep(&mut self, id: KeyId, outcome: Outcome, now: Instant) {
        let bytes = outcome_bytes(&outcome);
        // One that would not fit alone evicts no others.
        let is_possible = ENTRY_BYTES + bytes <= self.limits.bytes;
        if !is_possible || self.make_room(0, bytes).is_err() {
            return self.free(id);
        }
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.state = State::Kept { outcome, until: now + self.limits.window };
            self.bytes += bytes;
            self.kept.push_back(id);
        }
    }

    /// Drops a key whose message is on its way.
    pub(super) fn free(&mut self, id: KeyId) {
        if self.entries.remove(&id).is_some() {
            self.bytes = self.bytes.saturating_sub(ENTRY_BYTES);
        }
    }

    fn make_room(&mut self, keys: usize, bytes: usize) -> Result<(), Full> {
        while self.entries.len() + keys > self.limits.keys || self.bytes + bytes > self.limits.bytes {
            if self.kept.is_empty() {
                return Err(Full);
            }
            self.drop_oldest();
            self.evicted += 1;
        }
        Ok(())
    }

    fn drop_oldest(&mut self) {
        let Some(entry) = self.kept.pop_front().and_then(|oldest| self.entries.remove(&oldest)) else {
            return;
        };
        let outcome = match &entry.state {
            State::Kept { outcome, .. } => outcome_bytes(outcome),
            State::UnderWay(_) => 0,
        };
        self.bytes = self.bytes.saturating_sub(ENTRY_BYTES + outcome);
    }
}

/// The memory of an outcome besides its entry. The Reason String is a part of the detail.
fn outcome_bytes(outcome: &Outcome) -> usize {
    match outcome {
        Ok(_) => 0,
        Err(problem) => size_of::<Problem>() + 2 * problem.detail().len(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_publish::{ClientId, Code, IdempotencyKey, RequestHead, Rules, read};
    use hyper::StatusCode;

    use super::super::fingerprint::Hashing;
    use super::*;

    const NO_CONTENT: Outcome = Ok(Published { status: StatusCode::NO_CONTENT, reason_code: None });

    /// A table, and keys for it.
    struct Tables {
        hashing: Hashing,
        table: Table,
        now: Instant,
    }

    impl Tables {
        fn new(keys: usize, bytes: usize) -> Self {
            let limits = KeyLimits { window: Duration::from_secs(600), keys, bytes };
            Self { hashing: Hashing::default(), table: Table::new(limits), now: Instant::now() }
        }

        fn id(&self, key: usize) -> KeyId {
            let client = key.to_string();
            let client = ClientId::new(client.as_bytes()).unwrap();
            with_key(|key| self.hashing.key(Some(&client), "t", key))
        }

        fn add(&mut self, key: usize) -> Result<(), Full> {
            let (_, progress) = watch::channel(Progress::UnderWay);
            let fingerprint = with_publish(|publish| {
                self.hashing.message(publish, &hyper::HeaderMap::new()).with_payload(b"")
            });
            let state = State::UnderWay(UnderWay { progress, attended: Attended::Yes });
            self.table.add(self.id(key), Entry { fingerprint, state })
        }

        fn keep(&mut self, key: usize, outcome: Outcome) {
            let (id, now) = (self.id(key), self.now);
            self.table.keep(id, outcome, now);
        }

        fn holds(&mut self, key: usize) -> bool {
            let id = self.id(key);
            self.table.get_mut(id).is_some()
        }
    }

    fn with_publish<T>(act: impl FnOnce(&http_publish::Publish<'_>) -> T) -> T {
        let rules = Rules::default();
        let head = RequestHead::from_fields([
            (&b":method"[..], &b"POST"[..]),
            (b":path", b"/mqtt/messages?topic=a"),
            (b"idempotency-key", b"k"),
        ]);
        act(&read(&head, &rules).unwrap())
    }

    fn with_key<T>(act: impl FnOnce(&IdempotencyKey<'_>) -> T) -> T {
        with_publish(|publish| act(publish.idempotency_key.as_ref().unwrap()))
    }

    #[test]
    fn an_outcome_is_kept_for_the_window() {
        let mut tables = Tables::new(10, 1 << 20);
        for key in 0..3 {
            tables.add(key).unwrap();
            tables.keep(key, NO_CONTENT);
            tables.now += Duration::from_secs(1);
        }
        let end_of_first = tables.now + Duration::from_secs(597);
        tables.table.expire(end_of_first - Duration::from_millis(1));
        assert!((0..3).all(|key| tables.holds(key)));
        tables.table.expire(end_of_first);
        assert_eq!([0, 1, 2].map(|key| tables.holds(key)), [false, true, true]);
        tables.table.expire(end_of_first + Duration::from_secs(2));
        assert_eq!((tables.table.len(), tables.table.bytes, tables.table.evicted()), (0, 0, 0));
    }

    #[test]
    fn the_oldest_outcome_makes_room_and_a_message_on_its_way_does_not() {
        let mut tables = Tables::new(3, 1 << 20);
        (0..3).for_each(|key| tables.add(key).unwrap());
        assert_eq!(tables.add(3), Err(Full));
        tables.keep(1, NO_CONTENT);
        tables.keep(0, NO_CONTENT);
        assert_eq!(tables.add(3), Ok(()));
        assert_eq!([0, 1, 2, 3].map(|key| tables.holds(key)), [true, false, true, true]);
        assert_eq!(tables.table.evicted(), 1);
    }

    #[test]
    fn memory_is_bounded_also_by_what_the_broker_says() {
        let refused = |length: usize| Err(Arc::new(Problem::new(Code::NotAuthorized, "x".repeat(length))));
        let mut tables = Tables::new(1000, 10 * ENTRY_BYTES);
        for key in 0..100 {
            tables.add(key).unwrap();
            tables.keep(key, refused(if key % 7 == 0 { 100_000 } else { 10 }));
            assert!(tables.table.bytes <= 10 * ENTRY_BYTES);
        }
        assert!(tables.table.len() > 1, "{}", tables.table.len());
        assert!(!tables.holds(98), "it is larger than the limit");
        tables.table.expire(tables.now + Duration::from_secs(600));
        assert_eq!((tables.table.len(), tables.table.bytes), (0, 0));
    }

    #[test]
    fn a_freed_key_leaves_nothing() {
        let mut tables = Tables::new(1, 1 << 20);
        tables.add(0).unwrap();
        let id = tables.id(0);
        tables.table.free(id);
        assert_eq!((tables.table.len(), tables.table.bytes), (0, 0));
        assert_eq!(tables.add(1), Ok(()));
    }
}
