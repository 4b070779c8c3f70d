//! What became of each message: the answer that its publisher got, and the copies that the broker received.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use end_to_end::{Answer, Copies};

/// An account of every message, told apart by its number.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    sent: u64,
    answers: BTreeMap<u64, String>,
    /// Requests whose connection to the edge ended without an answer.
    unanswered: Vec<u64>,
}

/// The sums of a ledger.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) sent: u64,
    pub(crate) answered: BTreeMap<String, u64>,
    pub(crate) received: u64,
    /// Messages that came more than once, each further time with DUP.
    pub(crate) doubled: u64,
    pub(crate) failures: Vec<String>,
}

/// The answer of a message that was published.
const PUBLISHED: &str = "204";

/// Answers that promise that nothing was published.
const NOT_PUBLISHED: &[&str] = &[
    "429 BrokerRateExceeded",
    "502 BrokerLoginFailed",
    "503 BridgeUnavailable",
    "503 BrokerUnavailable",
    "503 Overloaded",
];

/// Answers that do not say whether the message was published, or that the broker has refused it.
const POSSIBLY_PUBLISHED: &[&str] = &[
    "403 NotAuthorized",
    "503 BridgeConnectionLost",
    "502 BrokerProtocolError",
    "503 ConnectionLost",
    "504 AcknowledgementTimeout",
    "504 BridgeTimeout",
];

// === impl Ledger ===

impl Ledger {
    /// The number of the next message.
    pub(crate) fn next(&self) -> u64 {
        let mut entries = self.entries();
        entries.sent += 1;
        entries.sent
    }

    pub(crate) fn answered(&self, number: u64, answer: &Answer) {
        let text = match answer.status {
            200..300 => answer.status.to_string(),
            status => format!("{status} {}", answer.expect_problem().code),
        };
        self.entries().answers.insert(number, text);
    }

    pub(crate) fn unanswered(&self, number: u64) {
        self.entries().unanswered.push(number);
    }

    /// Compares the answers with what the broker received.
    pub(crate) fn balance(&self, copies: &HashMap<String, Copies>) -> Balance {
        let entries = self.entries();
        let copies_of = |number: &u64| copies.get(&number.to_string()).copied().unwrap_or_default();
        let mut failures = Vec::new();
        let answered = entries.answers.len() + entries.unanswered.len();
        if entries.sent != answered as u64 || !entries.unanswered.is_empty() {
            failures.push(format!("{} sent, no answer: {:?}", entries.sent, entries.unanswered));
        }
        let mut kinds = BTreeMap::<String, u64>::new();
        for (number, answer) in &entries.answers {
            *kinds.entry(answer.clone()).or_default() += 1;
            let Copies { first, again, acknowledged } = copies_of(number);
            let fault = match answer.as_str() {
                PUBLISHED if acknowledged == 0 => "lost: the broker has not acknowledged it",
                _ if first > 1 => "doubled without DUP",
                answer if NOT_PUBLISHED.contains(&answer) && first + again > 0 => "published nevertheless",
                answer if NOT_PUBLISHED.contains(&answer) => continue,
                PUBLISHED => continue,
                answer if POSSIBLY_PUBLISHED.contains(&answer) => continue,
                _ => "an answer that no fault explains",
            };
            failures.push(format!("message {number}, answered {answer}: {fault} ({first} + {again} copies)"));
        }
        let known = |payload: &str| payload.parse().is_ok_and(|number: u64| number <= entries.sent);
        failures.extend(
            copies
                .keys()
                .filter(|payload| !known(payload))
                .map(|payload| format!("the broker received {payload:?}, which was not sent")),
        );
        Balance {
            sent: entries.sent,
            answered: kinds,
            received: copies.len() as u64,
            doubled: copies.values().filter(|copies| copies.first + copies.again > 1).count() as u64,
            failures,
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
