//! What a request with a key does: publish, wait for the message of an earlier request, or take its outcome.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_publish::{Code, Problem};
use tokio::sync::watch;
use tokio::time::Instant;

use super::KeyLimits;
use super::fingerprint::{Fingerprint, Hashing, KeyId};
use super::table::{Attended, Entry, Full, Outcome, Progress, State, Table, UnderWay};
use crate::translate::Published;

/// The keys of a bridge.
#[derive(Debug)]
pub(crate) struct Keys {
    hashing: Hashing,
    table: Mutex<Table>,
    limits: KeyLimits,
    replays: AtomicU64,
}

/// What a request does.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It publishes, and waits for the outcome.
    First(Publication, Attendance),
    /// It waits for the message of an earlier request that has ended.
    Repeat(Attendance),
    /// It gets the outcome of an earlier request.
    Replayed(Outcome),
}

/// Why a request does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// An earlier request waits for its message.
    InUse,
    /// An earlier request had another message.
    Reused,
    /// There is no room for another key.
    Full,
}

/// The duty to publish the message of a key. If it is dropped, the key is free.
#[derive(Debug)]
pub(crate) struct Publication {
    keys: Arc<Keys>,
    id: KeyId,
    progress: watch::Sender<Progress>,
}

/// A request that waits for the message of its key.
#[derive(Debug)]
pub(crate) struct Attendance {
    keys: Arc<Keys>,
    id: KeyId,
    progress: watch::Receiver<Progress>,
}

// === impl Keys ===

impl Keys {
    pub(crate) fn new(limits: KeyLimits) -> Arc<Self> {
        let table = Mutex::new(Table::new(limits));
        Arc::new(Self { hashing: Hashing::default(), table, limits, replays: AtomicU64::new(0) })
    }

    pub(crate) const fn hashing(&self) -> &Hashing {
        &self.hashing
    }

    pub(crate) const fn limits(&self) -> KeyLimits {
        self.limits
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        let mut table = self.table();
        table.expire(Instant::now());
        table.len()
    }

    /// How many outcomes made room for a new key before their time.
    pub(crate) fn evicted(&self) -> u64 {
        self.table().evicted()
    }

    /// How many requests got the outcome of an earlier one.
    pub(crate) fn replays(&self) -> u64 {
        self.replays.load(Ordering::Relaxed)
    }

    /// Counts a request that got the outcome of an earlier one.
    pub(crate) fn count_replay(&self) {
        self.replays.fetch_add(1, Ordering::Relaxed);
    }

    /// Begins a request with this key and message.
    pub(crate) fn begin(self: &Arc<Self>, id: KeyId, fingerprint: Fingerprint) -> Result<Admission, Refusal> {
        let mut table = self.table();
        table.expire(Instant::now());
        let Some(entry) = table.get_mut(id) else {
            let (sender, progress) = watch::channel(Progress::UnderWay);
            let under_way = UnderWay { progress: progress.clone(), attended: Attended::Yes };
            let entry = Entry { fingerprint, state: State::UnderWay(under_way) };
            table.add(id, entry).map_err(|Full| Refusal::Full)?;
            let publication = Publication { keys: Arc::clone(self), id, progress: sender };
            return Ok(Admission::First(publication, self.attendance(id, progress)));
        };
        if entry.fingerprint != fingerprint {
            return Err(Refusal::Reused);
        }
        match &mut entry.state {
            State::Kept { outcome, .. } => Ok(Admission::Replayed(outcome.clone())),
            State::UnderWay(UnderWay { attended: Attended::Yes, .. }) => Err(Refusal::InUse),
            State::UnderWay(under_way) => {
                under_way.attended = Attended::Yes;
                Ok(Admission::Repeat(self.attendance(id, under_way.progress.clone())))
            }
        }
    }

    fn attendance(self: &Arc<Self>, id: KeyId, progress: watch::Receiver<Progress>) -> Attendance {
        Attendance { keys: Arc::clone(self), id, progress }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // The table is consistent after every statement, even if a thread panicked.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Publication ===

impl Publication {
    /// The publish time-out has passed, and a PUBACK may still come.
    pub(crate) fn timed_out(&self) {
        self.progress.send_replace(Progress::TimedOut);
    }

    /// The broker has answered. Repeats get this outcome, unless the broker may accept the message later.
    pub(crate) fn acknowledged(self, outcome: Result<Published, Problem>) {
        let is_final = match &outcome {
            Ok(_) => true,
            Err(problem) => matches!(problem.status(), 400..=428 | 430..=499),
        };
        if !is_final {
            return self.unacknowledged(outcome);
        }
        let outcome = outcome.map_err(Arc::new);
        self.keys.table().keep(self.id, outcome.clone(), Instant::now());
        self.progress.send_replace(Progress::Kept(outcome));
    }

    /// The message was not published, or that stays unknown. The next request with the key publishes.
    pub(crate) fn unacknowledged(self, outcome: Result<Published, Problem>) {
        self.keys.table().free(self.id);
        self.progress.send_replace(Progress::Freed(outcome.map_err(Arc::new)));
    }
}

impl Drop for Publication {
    fn drop(&mut self) {
        if matches!(*self.progress.borrow(), Progress::UnderWay | Progress::TimedOut) {
            self.keys.table().free(self.id);
        }
    }
}

// === impl Attendance ===

impl Attendance {
    /// Waits for the outcome of the message that this request publishes. `None`: it is not known in time.
    pub(crate) async fn first(mut self) -> Option<Outcome> {
        let progress = self.progress.wait_for(|progress| !matches!(progress, Progress::UnderWay)).await;
        match progress.as_deref() {
            Ok(Progress::Kept(outcome) | Progress::Freed(outcome)) => Some(outcome.clone()),
            Ok(Progress::UnderWay | Progress::TimedOut) => None,
            Err(_) => Some(Err(Arc::new(Problem::new(Code::ConnectionLost, LOST)))),
        }
    }

    /// Waits for the outcome of the message of an earlier request. `None`: this request has to publish.
    pub(crate) async fn repeat(mut self) -> Option<Outcome> {
        let is_over = |progress: &Progress| matches!(progress, Progress::Kept(_) | Progress::Freed(_));
        match self.progress.wait_for(is_over).await.as_deref() {
            Ok(Progress::Kept(outcome)) => Some(outcome.clone()),
            _ => None,
        }
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        let mut table = self.keys.table();
        // The key may have been freed and begun again meanwhile.
        if let Some(Entry { state: State::UnderWay(under_way), .. }) = table.get_mut(self.id)
            && under_way.progress.same_channel(&self.progress)
        {
            under_way.attended = Attended::No;
        }
    }
}

const LOST: &str = "the bridge lost track of the message; whether it was published is unknown";
