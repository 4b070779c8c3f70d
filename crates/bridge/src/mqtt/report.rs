//! One log line for what happens to all sessions of the bridge at once.
//!
//! When a broker goes, every session loses its connection, and each attempt of each of them fails; an operator wants to
//! read that once. And a broker may cut a connection for a single message, after which the session goes on at once: that
//! is nothing to read at all. What is left out at the level `info` is there at `debug`, and so is all that happens to the
//! sessions of clients: they come and go with their messages.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::config::BrokerAddress;

/// Follows the connections of sessions.
#[derive(Debug)]
pub(super) struct Report {
    broker: BrokerAddress,
    of: Of,
    state: Mutex<State>,
}

/// Whose sessions they are.
#[derive(Debug, PartialEq, Eq)]
enum Of {
    /// The bridge's, which are so many.
    Bridge(usize),
    /// Clients'.
    Clients,
}

#[derive(Debug)]
struct State {
    connected: usize,
    told: Told,
}

/// What the last log line said.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Connected,
    /// That there is no connection, and why.
    Absent(String),
}

// === impl Report ===

impl Report {
    /// Of the bridge's own sessions, which are so many.
    pub(super) fn of_bridge(broker: BrokerAddress, sessions: usize) -> Self {
        Self::new(broker, Of::Bridge(sessions))
    }

    /// Of the sessions of clients.
    pub(super) fn of_clients(broker: BrokerAddress) -> Self {
        Self::new(broker, Of::Clients)
    }

    fn new(broker: BrokerAddress, of: Of) -> Self {
        Self { broker, of, state: Mutex::new(State { connected: 0, told: Told::Nothing }) }
    }

    /// A session has a connection.
    pub(super) fn connected(&self, client_identifier: &str) {
        let mut state = self.state();
        state.connected += 1;
        tracing::debug!("connected to {} as {client_identifier}", self.broker);
        if self.of == Of::Bridge(state.connected) && state.told != Told::Connected {
            tracing::info!("connected to {}, sessions: {}", self.broker, state.connected);
            state.told = Told::Connected;
        }
    }

    /// A session has lost its connection, and tries to get it back.
    pub(super) fn disconnected(&self, client_identifier: &str, why: &dyn fmt::Display) {
        let mut state = self.state();
        state.connected = state.connected.saturating_sub(1);
        tracing::debug!("{client_identifier} disconnected from {}: {why}", self.broker);
    }

    /// A session has no connection and did not get one at once.
    pub(super) fn absent(&self, client_identifier: &str, why: &dyn fmt::Display) {
        let mut state = self.state();
        let why = why.to_string();
        let known = matches!(&state.told, Told::Absent(told) if *told == why);
        if known || self.of == Of::Clients {
            return tracing::debug!("{client_identifier} is not connected to {}: {why}", self.broker);
        }
        match &state.told {
            Told::Connected => tracing::warn!("disconnected from {}: {why}", self.broker),
            Told::Nothing | Told::Absent(_) => tracing::warn!("cannot connect to {}: {why}", self.broker),
        }
        state.told = Told::Absent(why);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What was last told stays so, whoever panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
