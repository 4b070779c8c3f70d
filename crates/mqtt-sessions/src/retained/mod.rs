//! Reads the messages that the broker retains (MQTT 5.0, 3.3.1.3), over a connection for each read.
//!
//! A broker sends what it retains when a subscription is made, and does not say when that was all. A read is over when
//!
//! 1. the broker has granted the subscription, and
//! 2. it has answered a PINGREQ that was sent after the PUBACK of every message, without a retained message in between, and
//! 3. a [quiet time](ReadConfig::quiet) has passed without one.
//!
//! The second condition is exact for a broker that handles a session's packets in order, as Mosquitto does: it may send only so
//! many messages ahead of their PUBACKs. The third is for brokers that look up retained messages in the background, as rmqtt does.
//! `examples/retained.rs` shows both: without a quiet time, Mosquitto 2.0.11 gave all of 2,000 messages in each of nine reads, with
//! an in-flight window of 1 and of 20; rmqtt 0.24 gave none in one of three.

mod error;
mod read;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

pub use self::error::ReadError;
use self::read::Read;
use crate::codec::connect::Start;
use crate::codec::received::ReceivedPublish;
use crate::config::Config;
use crate::connector::{Connector, Login};
use crate::subscriber::{IncomingLimits, SubscribeError};
use crate::tls::TlsError;

/// How retained messages are read.
#[derive(Clone, Copy, Debug)]
pub struct ReadConfig {
    /// What the broker may send.
    pub incoming: IncomingLimits,
    /// How many reads have a connection at the same time, at least 1. More wait.
    pub connections: usize,
    /// How long nothing may come before a read is over.
    pub quiet: Duration,
    /// The time limit for a read, with the wait for a connection.
    pub timeout: Duration,
}

/// Reads retained messages.
#[derive(Debug)]
pub struct RetainedReader {
    connector: Connector,
    config: ReadConfig,
    client_id_prefix: String,
    connections: Semaphore,
}

// === impl RetainedReader ===

impl RetainedReader {
    /// Does not connect yet.
    ///
    /// # Errors
    ///
    /// Returns an error if the TLS files cannot be used.
    pub fn new(mqtt: &Config, config: ReadConfig) -> Result<Self, TlsError> {
        // A session ends with its connection.
        let mqtt = Arc::new(Config { session_expiry_interval: 0, ..mqtt.clone() });
        let client_id_prefix = mqtt.client_id_prefix.clone();
        let connector = Connector::new(mqtt, config.incoming)?;
        let connections = Semaphore::new(config.connections.clamp(1, Semaphore::MAX_PERMITS));
        Ok(Self { connector, config, client_id_prefix, connections })
    }

    /// Calls `on_message` for each retained message that matches the Topic Filter, until there are no more or it breaks. The order
    /// is the broker's. The caller makes sure that the filter is valid (MQTT 5.0, 4.7) and not shared.
    ///
    /// # Errors
    ///
    /// Returns an error if the messages could not all be read.
    pub async fn read(
        &self,
        topic_filter: &str,
        on_message: impl FnMut(ReceivedPublish) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let time_limit = self.config.timeout;
        timeout(time_limit, self.read_in_turn(topic_filter, on_message))
            .await
            .unwrap_or(Err(ReadError::TimedOut(time_limit)))
    }

    async fn read_in_turn(
        &self,
        topic_filter: &str,
        on_message: impl FnMut(ReceivedPublish) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        // The semaphore is never closed.
        let _turn = self.connections.acquire().await.ok();
        let client_identifier = format!("{}-{:016x}", self.client_id_prefix, fastrand::u64(..));
        // Reads are spread over the brokers.
        let mut route = self.connector.route(fastrand::usize(..));
        let connected =
            self.connector.connect(&client_identifier, Login::Configured, Start::Clean, &mut route).await;
        let accepted = connected.map_err(|error| SubscribeError::Unavailable(Arc::new(error).into()))?;
        let mut read = Read::new(topic_filter, accepted, self.config, on_message);
        let outcome = read.run().await;
        read.close().await;
        outcome
    }
}
