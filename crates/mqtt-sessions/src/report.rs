//! Log lines about connections.
//!
//! When a broker goes away, every shared session loses its connection, and each attempt of each session fails. One log line
//! at the level `info` or `warn` says so; the rest is logged at `debug`. A broker may also close a connection because of one
//! message, after which the session continues at once: that is `debug` too, and so is everything about sessions of clients,
//! which come and go with their messages.

use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::broker::Brokers;
use crate::error::Chain;

/// Follows the connections of a group of sessions.
#[derive(Debug)]
pub(crate) struct Report {
    brokers: Brokers,
    group: Group,
    state: Mutex<State>,
}

/// The sessions that a report is about.
#[derive(Debug, PartialEq, Eq)]
enum Group {
    /// This number of shared sessions.
    Shared(usize),
    Clients,
}

#[derive(Debug)]
struct State {
    connected: usize,
    logged: Logged,
}

/// The content of the last log line.
#[derive(Debug, PartialEq, Eq)]
enum Logged {
    Nothing,
    Connected,
    Unavailable(String),
}

// === impl Report ===

impl Report {
    /// A report about `sessions` shared sessions.
    pub(crate) fn shared(brokers: Brokers, sessions: usize) -> Self {
        Self::new(brokers, Group::Shared(sessions))
    }

    /// A report about the sessions of clients.
    pub(crate) fn clients(brokers: Brokers) -> Self {
        Self::new(brokers, Group::Clients)
    }

    fn new(brokers: Brokers, group: Group) -> Self {
        Self { brokers, group, state: Mutex::new(State { connected: 0, logged: Logged::Nothing }) }
    }

    /// A session has a connection.
    pub(crate) fn connected(&self, client_identifier: &str) {
        let mut state = self.state();
        state.connected += 1;
        tracing::debug!("connected to {} as {client_identifier}", self.brokers);
        if self.group == Group::Shared(state.connected) && state.logged != Logged::Connected {
            tracing::info!("connected to {}, sessions: {}", self.brokers, state.connected);
            state.logged = Logged::Connected;
        }
    }

    /// A session has lost its connection and reconnects.
    pub(crate) fn disconnected(&self, client_identifier: &str, cause: &(dyn Error + 'static)) {
        let mut state = self.state();
        state.connected = state.connected.saturating_sub(1);
        tracing::debug!("{client_identifier} disconnected from {}: {}", self.brokers, Chain(cause));
    }

    /// A session has no connection and did not get one at once.
    pub(crate) fn unavailable(&self, client_identifier: &str, cause: &(dyn Error + 'static)) {
        let mut state = self.state();
        let cause = Chain(cause).to_string();
        let known = matches!(&state.logged, Logged::Unavailable(logged) if *logged == cause);
        if known || self.group == Group::Clients {
            return tracing::debug!("{client_identifier} is not connected to {}: {cause}", self.brokers);
        }
        match &state.logged {
            Logged::Connected => tracing::warn!("disconnected from {}: {cause}", self.brokers),
            Logged::Nothing | Logged::Unavailable(_) => {
                tracing::warn!("cannot connect to {}: {cause}", self.brokers);
            }
        }
        state.logged = Logged::Unavailable(cause);
    }

    /// Why there is no connection, as it was logged; `None` while there are connections or it is not known.
    pub(crate) fn cause(&self) -> Option<String> {
        match &self.state().logged {
            Logged::Unavailable(cause) => Some(cause.clone()),
            Logged::Nothing | Logged::Connected => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent after every statement, even if a thread panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
