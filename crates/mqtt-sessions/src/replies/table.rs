//! The requests that wait, by their Correlation Data.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::Reply;
use crate::budget::{Exhausted, Permit};
use crate::codec::received::ReceivedPublish;

/// What a waiting request gets.
pub(super) type Outcome = Result<Reply, Exhausted>;

/// The Correlation Data of a request: 128 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct CorrelationData([u8; 16]);

/// The requests that wait.
#[derive(Debug)]
pub(super) struct Table {
    response_topic: String,
    requests: Mutex<HashMap<CorrelationData, Request>>,
    delivered: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Debug)]
struct Request {
    permit: Permit,
    outcome: oneshot::Sender<Outcome>,
}

// === impl CorrelationData ===

impl CorrelationData {
    /// `None`: the system has no random numbers.
    pub(super) fn random() -> Option<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok().map(|()| Self(bytes))
    }

    pub(super) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

// === impl Table ===

impl Table {
    pub(super) fn new(response_topic: String) -> Self {
        let requests = Mutex::default();
        Self { response_topic, requests, delivered: AtomicU64::new(0), dropped: AtomicU64::new(0) }
    }

    /// Adds a request.
    pub(super) fn insert(&self, key: CorrelationData, permit: Permit) -> oneshot::Receiver<Outcome> {
        let (outcome, receiver) = oneshot::channel();
        self.requests().insert(key, Request { permit, outcome });
        receiver
    }

    /// Removes a request, if it is still waiting.
    pub(super) fn remove(&self, key: CorrelationData) {
        self.requests().remove(&key);
    }

    /// Removes every request.
    pub(super) fn clear(&self) {
        self.requests().clear();
    }

    /// Delivers a reply to its request, or drops it.
    pub(super) fn deliver(&self, message: ReceivedPublish) {
        let delivered = self.take(&message).is_some_and(|Request { mut permit, outcome }| {
            let outcome_of = match permit.grow_to(message.length()) {
                Ok(()) => Ok(Reply { message, permit }),
                Err(exhausted) => Err(exhausted),
            };
            outcome.send(outcome_of).is_ok()
        });
        let counter = if delivered { &self.delivered } else { &self.dropped };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes the request that the message replies to.
    fn take(&self, message: &ReceivedPublish) -> Option<Request> {
        if message.is_retained || message.topic_name != self.response_topic {
            return None;
        }
        let key = CorrelationData(message.correlation_data.as_deref()?.try_into().ok()?);
        self.requests().remove(&key)
    }

    pub(super) fn waiting(&self) -> usize {
        self.requests().len()
    }

    pub(super) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn requests(&self) -> MutexGuard<'_, HashMap<CorrelationData, Request>> {
        // The table is consistent after every statement, even if a thread panicked.
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
