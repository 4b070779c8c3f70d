//! One log line for what happens to all sessions of a pool at once.
//!
//! When a broker goes, every session loses its connection, and each attempt of each of them fails; an operator wants to
//! read that once. What is left out at the level `info` is there at `debug`.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::config::BrokerAddress;

/// Follows the connections of all sessions of a pool.
#[derive(Debug)]
pub(super) struct Report {
    broker: BrokerAddress,
    sessions: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connected: usize,
    /// The last reason why no connection could be made, while that is the state of things.
    failure: Option<String>,
}

// === impl Report ===

impl Report {
    pub(super) fn new(broker: BrokerAddress, sessions: usize) -> Self {
        Self { broker, sessions, state: Mutex::default() }
    }

    /// A session has a connection.
    pub(super) fn connected(&self, client_identifier: &str) {
        let mut state = self.state();
        state.connected += 1;
        state.failure = None;
        tracing::debug!("connected to {} as {client_identifier}", self.broker);
        if state.connected == self.sessions {
            tracing::info!("connected to {}, sessions: {}", self.broker, self.sessions);
        }
    }

    /// A session has lost its connection.
    pub(super) fn disconnected(&self, client_identifier: &str, why: &dyn fmt::Display) {
        let mut state = self.state();
        let all_were_connected = state.connected == self.sessions;
        state.connected = state.connected.saturating_sub(1);
        if all_were_connected {
            tracing::warn!("disconnected from {}: {why}", self.broker);
        } else {
            tracing::debug!("{client_identifier} disconnected from {}: {why}", self.broker);
        }
    }

    /// A session could not be given a connection.
    pub(super) fn failed(&self, client_identifier: &str, why: &dyn fmt::Display) {
        let mut state = self.state();
        let why = why.to_string();
        if state.failure.as_ref() == Some(&why) {
            tracing::debug!("{client_identifier} cannot connect to {}: {why}", self.broker);
            return;
        }
        tracing::warn!("cannot connect to {}: {why}", self.broker);
        state.failure = Some(why);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Counters stay what they are, whoever panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
