//! The bridge's sessions with its broker.
//!
//! A topic always goes over the same session, and a session sends in order: so the messages of one topic keep theirs
//! (MQTT 5.0, 4.6). Which session that is, is the pool's to say in one place, `session_of`; a session knows
//! nothing of the others. Where messages go over the sessions of [`Clients`], it is each client's messages that keep their
//! order, and the bridge's own session only shows whether the broker can be reached.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use bytes::Bytes;
use http_publish::{ClientId, Publish};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::clients::Clients;
use super::codec::publish::EncodedPublish;
use super::config::{MqttConfig, SessionsOf};
use super::connector::Connector;
use super::error::{PublishError, Published};
use super::report::Report;
use super::session::{Session, SessionOptions, Status};
use super::tally::Tally;
use super::tls::TlsError;
use crate::budget::Permit;

/// A fixed number of sessions with one broker, and those of clients where messages go over these.
#[derive(Debug)]
pub struct Pool {
    sessions: Vec<Session>,
    clients: Option<Arc<Clients>>,
    hasher: RandomState,
    tally: Arc<Tally>,
    tasks: TaskTracker,
    closing: CancellationToken,
    /// Ends what is left when the pool is dropped.
    _end: DropGuard,
}

/// MQTT's own limit of a packet in bytes: the largest Remaining Length and the fixed header.
const MAXIMUM_PACKET: usize = 268_435_455 + 5;

// === impl Pool ===

impl Pool {
    /// Starts the sessions; each connects by itself, and goes on trying.
    ///
    /// # Errors
    ///
    /// The TLS files cannot be used.
    pub fn start(config: MqttConfig) -> Result<Self, TlsError> {
        let config = Arc::new(config);
        let connector = Connector::new(&config)?;
        let tasks = TaskTracker::new();
        let closing = CancellationToken::new();
        // Chance, so that no two bridges and no two runs of one share an identifier and with it a session.
        let process = random_text(10);
        let count = config.sessions.max(1);
        let tally = Arc::new(Tally::new());
        let options = SessionOptions {
            connector,
            config: Arc::clone(&config),
            report: Arc::new(Report::of_bridge(config.broker.clone(), count)),
            tally: Arc::clone(&tally),
            client_identifier: String::new(),
            closing: closing.clone(),
        };
        let sessions = (0..count)
            .map(|index| {
                let client_identifier = format!("{}-{process}-{index}", config.client_id_prefix);
                Session::start(SessionOptions { client_identifier, ..options.clone() }, &tasks)
            })
            .collect();
        let clients = match &config.sessions_of {
            SessionsOf::Bridge => None,
            SessionsOf::Client(settings) => {
                let report = Arc::new(Report::of_clients(config.broker.clone()));
                Some(Clients::start(settings.clone(), SessionOptions { report, ..options }, &tasks))
            }
        };
        let end = closing.clone().drop_guard();
        Ok(Self { sessions, clients, hasher: RandomState::new(), tally, tasks, closing, _end: end })
    }

    /// Publishes a message and waits until it is known what became of it, at most for the publish time-out. Whose message it
    /// is matters only where it goes over that client's session.
    ///
    /// # Errors
    ///
    /// It was not published, or that is not known; [`PublishError`] says which.
    pub async fn publish(
        &self,
        publish: &Publish<'_>,
        client: Option<&ClientId<'_>>,
        payload: Bytes,
        mut permit: Permit,
    ) -> Result<Published, PublishError> {
        let actual = payload.len();
        let packet = EncodedPublish::new(publish, payload)
            .map_err(|_| PublishError::PacketTooLarge { actual, maximum: MAXIMUM_PACKET })?;
        permit.hold(packet.length())?;
        if let Some(clients) = &self.clients {
            let client = client.ok_or(PublishError::UnidentifiedClient)?;
            return clients.publish(client, packet, permit).await;
        }
        let session = self.session_of(publish.topic_name.as_str());
        let Some(session) = session else {
            return Err(PublishError::BrokerUnavailable("the bridge has no sessions".to_owned()));
        };
        session.publish(packet, permit).await
    }

    /// Whether a message could be sent now: at least one session of the bridge has a connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.sessions.iter().any(|session| session.status() == Status::Connected)
    }

    /// The sessions of clients, where messages go over these.
    #[must_use]
    pub fn clients(&self) -> Option<&Clients> {
        self.clients.as_deref()
    }

    /// How many sessions of the bridge there are.
    #[must_use]
    pub const fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// How many sessions of the bridge have a connection.
    #[must_use]
    pub fn connected_sessions(&self) -> usize {
        self.sessions.iter().filter(|session| session.status() == Status::Connected).count()
    }

    /// What became of the messages so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Waits until every session of the bridge has a connection.
    pub async fn connected(&self) {
        for session in &self.sessions {
            // It fails only when the session is closed: then there is nothing to wait for.
            let _ = session.watch().wait_for(|status| *status == Status::Connected).await;
        }
    }

    /// Says DISCONNECT on every session, and ends them.
    pub async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn session_of(&self, topic_name: &str) -> Option<&Session> {
        let hash = self.hasher.hash_one(topic_name);
        let index = hash.checked_rem(self.sessions.len() as u64)?;
        self.sessions.get(usize::try_from(index).ok()?)
    }
}

/// Lower-case letters and digits, which every broker takes in a Client Identifier (MQTT 5.0, 3.1.3.1).
fn random_text(length: usize) -> String {
    std::iter::repeat_with(|| fastrand::char('0'..='z'))
        .filter(|c| c.is_ascii_digit() || c.is_ascii_lowercase())
        .take(length)
        .collect()
}
