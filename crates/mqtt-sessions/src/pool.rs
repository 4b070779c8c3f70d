//! The sessions with the brokers.
//!
//! Messages of one topic use the same session, and a session sends in order: so the messages of a topic keep their order
//! (MQTT 5.0, 4.6). While the broker refuses one session, its topics use another. With sessions of [`Clients`],
//! the messages of each client keep their order.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::budget::Permit;
use crate::clients::{Client, Clients};
use crate::codec::publish::EncodedPublish;
use crate::config::{Config, Sessions};
use crate::connector::{Connector, IncomingLimits};
use crate::delivery::Delivery;
use crate::error::PublishError;
use crate::message::Message;
use crate::report::Report;
use crate::session::{LatePubAck, Session, SessionOptions, Status};
use crate::shared::{SharedSession, SharedSessions};
use crate::submitted::{Path, Submitted};
use crate::tally::Tally;
use crate::tls::TlsError;

/// A fixed number of shared sessions, and the sessions of clients if these are configured.
///
/// Dropping a pool ends its sessions without waiting for them; [`close`](Self::close) waits.
#[derive(Debug)]
pub struct Pool {
    sessions: Arc<SharedSessions>,
    clients: Option<Clients>,
    connector: Connector,
    hasher: RandomState,
    tally: Arc<Tally>,
    report: Arc<Report>,
    tasks: TaskTracker,
    closing: CancellationToken,
    _close_on_drop: DropGuard,
}

/// The largest packet of MQTT in bytes: the largest Remaining Length and the fixed header.
const MAXIMUM_PACKET: usize = 268_435_455 + 5;

/// The pool was closed.
#[derive(Debug, thiserror::Error)]
#[error("the publisher is closed")]
struct Closed;

// === impl Pool ===

impl Pool {
    /// Starts the sessions on the current Tokio runtime. Each connects in the background, and keeps trying.
    ///
    /// # Errors
    ///
    /// Returns an error if the TLS files cannot be used.
    ///
    /// # Panics
    ///
    /// Panics if it is called outside of a Tokio runtime.
    pub fn start(config: Config) -> Result<Self, TlsError> {
        let config = Arc::new(config);
        let tasks = TaskTracker::new();
        let closing = CancellationToken::new();
        let tally = Arc::new(Tally::new(config.brokers.count()));
        let (count, clients) = match &config.sessions {
            Sessions::Shared(count) => ((*count).max(1), None),
            Sessions::PerClient(settings) => (1, Some(settings.clone())),
        };
        let connector = Connector::new(Arc::clone(&config), IncomingLimits::PUBLISHER)?;
        let report = Arc::new(Report::shared(config.brokers.clone(), count));
        let options = SessionOptions {
            connector: connector.clone(),
            report: Arc::clone(&report),
            tally: Arc::clone(&tally),
            client_identifier: String::new(),
            login: None,
            number: 0,
            closing: closing.clone(),
            config: Arc::clone(&config),
        };
        // Random, so that no two pools share a Client Identifier, and with it a session.
        let random = random_text(10);
        let (sessions, inboxes): (Vec<_>, Vec<_>) =
            (0..count).map(|_| Session::new(config.publish_timeout)).unzip();
        let sessions = Arc::new(SharedSessions::new(sessions));
        for (number, inbox) in inboxes.into_iter().enumerate() {
            let client_identifier = format!("{}-{random}-{number}", config.client_id_prefix);
            let lifecycle = SharedSession { number, all: Arc::clone(&sessions) };
            inbox.start(
                SessionOptions { client_identifier, number, ..options.clone() },
                Arc::new(lifecycle),
                &tasks,
            );
        }
        let clients = clients.map(|settings| {
            let report = Arc::new(Report::clients(config.brokers.clone()));
            Clients::start(settings, SessionOptions { report, ..options }, &tasks)
        });
        let close_on_drop = closing.clone().drop_guard();
        let hasher = RandomState::new();
        Ok(Self {
            sessions,
            clients,
            connector,
            hasher,
            tally,
            report,
            tasks,
            closing,
            _close_on_drop: close_on_drop,
        })
    }

    /// Reads the TLS files as [`start`](Self::start) does, and starts nothing.
    ///
    /// # Errors
    ///
    /// Returns an error if the TLS files cannot be used.
    pub fn check(config: &Config) -> Result<(), TlsError> {
        Connector::new(Arc::new(config.clone()), IncomingLimits::PUBLISHER).map(drop)
    }

    /// Publishes a message and waits for its outcome, at most for the publish time-out: [`submit`](Self::submit) and
    /// [`Submitted::outcome`].
    ///
    /// # Errors
    ///
    /// Returns an error if the message was not published, or if its outcome is unknown. A PUBACK is not an error, whatever
    /// its Reason Code.
    pub async fn publish(
        &self,
        message: &Message<'_>,
        client: Option<Client<'_>>,
        permit: Permit,
    ) -> Result<Delivery, PublishError> {
        self.submit(message, client, permit, LatePubAck::Ignored)?.outcome().await
    }

    /// Gives a message to its session. With [`Sessions::PerClient`], the message goes over the session of `client`;
    /// otherwise `client` is ignored. Messages that are submitted without waiting in between are written together.
    ///
    /// A message is not sent if what this returns is dropped before it was sent.
    ///
    /// # Errors
    ///
    /// Returns an error if the message cannot be sent.
    pub fn submit(
        &self,
        message: &Message<'_>,
        client: Option<Client<'_>>,
        mut permit: Permit,
        late: LatePubAck,
    ) -> Result<Submitted, PublishError> {
        let packet = EncodedPublish::new(message).map_err(|_| PublishError::PacketTooLarge {
            actual: message.payload.len(),
            maximum: MAXIMUM_PACKET,
        })?;
        permit.grow_to(packet.length())?;
        if self.closing.is_cancelled() {
            return Err(PublishError::unavailable(Closed));
        }
        let Some(clients) = &self.clients else {
            let home = self.home(message.topic_name);
            let submitted = self.sessions.submit(home, packet, permit, late);
            let (pending, place) = submitted.ok_or(PublishError::unavailable(Closed))?;
            return Ok(Submitted::new(pending?, Path::Shared(place)));
        };
        let lease = clients.acquire(client.ok_or(PublishError::MissingClient)?)?;
        let pending = lease.session().submit(packet, permit, late)?;
        Ok(Submitted::new(pending, Path::Client(lease)))
    }

    /// Reads the Password and TLS files now, as each connect does. What cannot be used stays as it was, and is logged.
    pub fn reload(&self) {
        self.connector.reload();
    }

    /// Whether a Password or TLS file could not be used when it was read last, and its previous content is in use.
    #[must_use]
    pub fn has_stale_files(&self) -> bool {
        self.connector.has_stale_files()
    }

    /// Whether at least one shared session has a connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected_sessions() > 0
    }

    /// Why no shared session has a connection, if an attempt has failed.
    #[must_use]
    pub fn unavailability(&self) -> Option<String> {
        self.report.cause().filter(|_| !self.is_connected())
    }

    /// The sessions of clients, with [`Sessions::PerClient`].
    #[must_use]
    pub const fn clients(&self) -> Option<&Clients> {
        self.clients.as_ref()
    }

    /// The number of shared sessions.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.count()
    }

    /// The number of shared sessions that have a connection.
    #[must_use]
    pub fn connected_sessions(&self) -> usize {
        self.sessions.iter().filter(|session| session.status() == Status::Connected).count()
    }

    /// Counts of messages and reconnects.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Waits until every shared session has a connection, or the pool is closed.
    pub async fn connected(&self) {
        for session in self.sessions.iter() {
            session.connected().await;
        }
    }

    /// Sends DISCONNECT on every session and waits until they have ended. Messages that are not acknowledged by then fail.
    pub async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The index of the home session of a topic.
    fn home(&self, topic_name: &str) -> usize {
        let hash = self.hasher.hash_one(topic_name);
        let index = hash.checked_rem(self.sessions.count() as u64).unwrap_or_default();
        usize::try_from(index).unwrap_or_default()
    }
}

/// Lower-case letters and digits, which every broker accepts in a Client Identifier (MQTT 5.0, 3.1.3.1).
fn random_text(length: usize) -> String {
    std::iter::repeat_with(|| fastrand::char('0'..='z'))
        .filter(|c| c.is_ascii_digit() || c.is_ascii_lowercase())
        .take(length)
        .collect()
}
