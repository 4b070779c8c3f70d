//! The life of a subscriber's session: it connects on demand, subscribes, and reconnects while the broker may have the session.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, Ended};
use super::error::SubscribeError;
use crate::backoff::Backoff;
use crate::codec::connack::SessionPresent;
use crate::codec::connect::Start;
use crate::codec::received::ReceivedPublish;
use crate::codec::subscribe::Subscription;
use crate::config::Config;
use crate::connector::{Connector, IncomingLimits, Login};
use crate::error::{Chain, PublishError};
use crate::route::Route;
use crate::session::End;

/// What a session's task owns.
pub(super) struct Session<F> {
    pub(super) connector: Connector,
    pub(super) route: Route,
    pub(super) config: Arc<Config>,
    pub(super) limits: IncomingLimits,
    pub(super) client_identifier: String,
    pub(super) subscription: Subscription,
    pub(super) handler: F,
    pub(super) status: watch::Sender<Status>,
    pub(super) demand: Arc<Notify>,
    pub(super) closing: CancellationToken,
}

/// Whether messages are received.
#[derive(Debug)]
pub(super) enum Status {
    /// No connection, and none is wanted.
    Idle,
    Connecting,
    Subscribed,
    /// The last attempt failed. Another follows, or is made on demand.
    Failed(SubscribeError),
}

/// After a connection that lived this long, the next attempt is made at once.
const STABLE_CONNECTION: Duration = Duration::from_secs(5);

// === impl Session ===

impl<F: Fn(ReceivedPublish) + Send + Sync + 'static> Session<F> {
    /// Runs until the subscriber is closed.
    pub(super) async fn run(mut self) {
        let closing = self.closing.clone();
        let mut start = Start::Clean;
        let mut backoff = Backoff::new();
        loop {
            if start == Start::Clean {
                self.status.send_if_modified(|status| {
                    let had_failed = matches!(status, Status::Failed(_));
                    if had_failed {
                        *status = Status::Idle;
                    }
                    had_failed
                });
                tokio::select! {
                    () = closing.cancelled() => return,
                    () = self.demand.notified() => {}
                }
            }
            self.status.send_replace(Status::Connecting);
            let error = match self.connect_and_serve(&mut start, &mut backoff).await {
                Ended::Connection(End::Closed) => return,
                Ended::Connection(end) => {
                    if let End::Disconnected(disconnect) = &end {
                        self.route.disconnected(disconnect);
                    }
                    tracing::debug!("{} lost its connection: {}", self.client_identifier, Chain(&end));
                    if start == Start::Resume && backoff.is_fresh() {
                        // The first attempt is made at once.
                        let _ = backoff.next_wait();
                        continue;
                    }
                    SubscribeError::Unavailable(PublishError::BrokerUnavailable(Arc::new(end)))
                }
                Ended::Failed(error) => error,
            };
            // Another broker of the list may grant what this one does not.
            self.route.advance();
            self.log(&error);
            self.status.send_replace(Status::Failed(error));
            tokio::select! {
                () = closing.cancelled() => return,
                () = tokio::time::sleep(backoff.next_wait()) => self.route.reset_hops(),
            }
        }
    }

    /// A broker that cannot be reached is logged by the sessions that publish.
    fn log(&self, error: &SubscribeError) {
        let name = &self.client_identifier;
        match error {
            SubscribeError::Refused(_) | SubscribeError::TimedOut(_) => {
                let topic_filter = &self.subscription.topic_filter;
                tracing::warn!("{name} is not subscribed to {topic_filter}: {}", Chain(error));
            }
            SubscribeError::Unavailable(_) | SubscribeError::Closed => {
                tracing::debug!("{name} is not connected: {}", Chain(error));
            }
        }
    }

    /// Connects, subscribes if the session is new, and receives messages until the connection ends.
    async fn connect_and_serve(&mut self, start: &mut Start, backoff: &mut Backoff) -> Ended {
        let closing = self.closing.clone();
        let connected = tokio::select! {
            () = closing.cancelled() => return Ended::Connection(End::Closed),
            connected = self.connector.connect(
                &self.client_identifier,
                Login::Configured,
                *start,
                &mut self.route,
            ) => connected,
        };
        let mut accepted = match connected {
            Ok(accepted) => accepted,
            Err(error) => return Ended::Failed(SubscribeError::Unavailable(Arc::new(error).into())),
        };
        if let Some(assigned) = accepted.connack.assigned_client_identifier.take() {
            // The session has this name from now on.
            self.client_identifier = assigned;
        }
        let session_present = accepted.connack.session_present;
        let mut connection = Connection::new(accepted, &self.config, self.limits, &self.handler);
        let ended = match session_present {
            SessionPresent::Yes => None,
            SessionPresent::No => {
                *start = Start::Clean;
                connection.subscribe(&self.subscription, self.config.connect_timeout, &closing).await.err()
            }
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                *start = Start::Resume;
                self.status.send_replace(Status::Subscribed);
                let since = Instant::now();
                let ended = connection.receive(&closing).await;
                if since.elapsed() >= STABLE_CONNECTION {
                    self.route.reset_hops();
                    *backoff = Backoff::new();
                }
                self.status.send_replace(Status::Connecting);
                ended
            }
        };
        connection.close(&ended).await;
        ended
    }
}
