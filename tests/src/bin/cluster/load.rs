//! Requests to the bridge, several at a time, and what became of each.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use end_to_end::{Connection, Endpoint, Request, block_on_for, spawn};
use tokio::task::JoinHandle;

const AT_A_TIME: usize = 32;
const TOPICS: u64 = 97;
/// A busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// Requests that are being sent.
pub(crate) struct Load {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

struct Shared {
    next: AtomicU64,
    is_over: AtomicBool,
    requests: Mutex<Vec<Sent>>,
}

/// A request that was answered. Its payload is its number.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) number: u64,
    pub(crate) begun: Instant,
    pub(crate) answered: Instant,
    /// The status, with the problem's code if it is not 204.
    pub(crate) answer: String,
}

// === impl Load ===

impl Load {
    /// Sends to the bridge without an edge, which would retry.
    pub(crate) fn start(bridge: &Endpoint) -> Self {
        let shared = Arc::new(Shared {
            next: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            requests: Mutex::default(),
        });
        let worker = |_| {
            let (bridge, shared) = (bridge.clone(), Arc::clone(&shared));
            spawn(async move {
                let mut connection = bridge.connect().await;
                while !shared.is_over.load(Ordering::Relaxed) {
                    shared.publish(&mut connection).await;
                }
            })
        };
        let workers = (0..AT_A_TIME).map(worker).collect();
        Self { shared, workers }
    }

    /// Sends no more, and waits for the last answers.
    pub(crate) fn end(self) -> Vec<Sent> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        for worker in self.workers {
            block_on_for(PATIENCE, worker).expect("sending does not panic");
        }
        std::mem::take(&mut *self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

// === impl Shared ===

impl Shared {
    async fn publish(&self, connection: &mut Connection) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let request = Request::publish(&format!("cluster/{}", number % TOPICS)).body(number.to_string());
        let begun = Instant::now();
        let answer = connection.send(request).await.expect("the bridge answers");
        let answered = Instant::now();
        let answer = match answer.status {
            204 => "204".to_owned(),
            // No subscriber: the broker does not know of it yet.
            202 => "202".to_owned(),
            status => format!("{status} {}", answer.expect_problem().code),
        };
        let is_published = answer == "204";
        let sent = Sent { number, begun, answered, answer };
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
        if !is_published {
            // As a client does.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

// === impl Sent ===

impl Sent {
    pub(crate) fn is_published(&self) -> bool {
        self.answer == "204"
    }

    fn topic(&self) -> u64 {
        self.number % TOPICS
    }
}

/// How many requests had each answer.
pub(crate) fn answers(requests: &[Sent]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for sent in requests {
        *counts.entry(sent.answer.as_str()).or_default() += 1;
    }
    counts
}

/// The median of the times from a request to its 204. Zero: none had one.
pub(crate) fn median<'a>(requests: impl Iterator<Item = &'a Sent>) -> Duration {
    let published = requests.filter(|sent| sent.is_published());
    let mut times: Vec<_> = published.map(|sent| sent.answered - sent.begun).collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// How long after this moment each topic had been published to again. `None`: one was not.
pub(crate) fn pause(requests: &[Sent], since: Instant) -> Option<Duration> {
    let mut first = BTreeMap::<u64, Instant>::new();
    for sent in requests.iter().filter(|sent| sent.is_published() && sent.begun >= since) {
        let answered = first.entry(sent.topic()).or_insert(sent.answered);
        *answered = sent.answered.min(*answered);
    }
    let all = first.len() as u64 == TOPICS;
    first.values().max().filter(|_| all).map(|last| last.duration_since(since))
}
