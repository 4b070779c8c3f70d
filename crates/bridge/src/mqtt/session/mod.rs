//! One MQTT session: a task that owns the connection, and a handle to give it messages.
//!
//! The session outlives its connections. When one is cut, the task connects again at once, resumes the session and sends
//! what was not acknowledged again with DUP; publishers see a delay. A broker that cannot be reached fails publishes at
//! once: nothing queues for an absent broker. A client's session is connected only while messages come for it.

mod actor;
mod end;
mod in_flight;
mod keep_alive;
mod on_demand;
mod outbox;
mod serve;
mod write_queue;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::actor::Actor;
pub(super) use self::end::End;
use self::outbox::Submission;
use super::clients::Member;
use super::codec::publish::EncodedPublish;
use super::connector::Connector;
use super::error::{PublishError, Published};
use crate::budget::Permit;
use crate::mqtt::config::MqttConfig;
use crate::mqtt::report::Report;
use crate::mqtt::tally::Tally;

/// Whether a session has a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The broker has not let it in, or the connection was cut.
    Disconnected,
    /// Messages can be sent.
    Connected,
}

/// What a session is started with.
#[derive(Clone)]
pub(super) struct SessionOptions {
    pub(super) connector: Connector,
    pub(super) config: Arc<MqttConfig>,
    pub(super) report: Arc<Report>,
    pub(super) tally: Arc<Tally>,
    /// Unlike any other session's with this broker, or a client's own.
    pub(super) client_identifier: String,
    /// Ends the session in good order.
    pub(super) closing: CancellationToken,
}

/// A handle to a session.
#[derive(Debug)]
pub(super) struct Session {
    submissions: mpsc::UnboundedSender<Submission>,
    status: watch::Receiver<Status>,
    publish_timeout: std::time::Duration,
}

// === impl Session ===

impl Session {
    /// Starts the session's task on `tracker`; it connects by itself, and stays connected.
    pub(super) fn start(options: SessionOptions, tracker: &TaskTracker) -> Self {
        Self::spawn(options, tracker, Actor::run)
    }

    /// Starts the task of a client's session on `tracker`; it connects when there is something to publish, and ends when
    /// the client is let go.
    pub(super) fn start_on_demand(options: SessionOptions, member: Member, tracker: &TaskTracker) -> Self {
        Self::spawn(options, tracker, |actor| actor.run_on_demand(member))
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(
        options: SessionOptions,
        tracker: &TaskTracker,
        run: impl FnOnce(Actor) -> F,
    ) -> Self {
        // What is in the channel is bounded by the permits that go with it.
        let (submissions, receiver) = mpsc::unbounded_channel();
        let (status_sender, status) = watch::channel(Status::Disconnected);
        let publish_timeout = options.config.publish_timeout;
        tracker.spawn(run(Actor::new(options, receiver, status_sender)));
        Self { submissions, status, publish_timeout }
    }

    pub(super) fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// Changes with [`status`](Self::status).
    pub(super) fn watch(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Publishes, and waits for the outcome, at most for the publish time-out.
    pub(super) async fn publish(
        &self,
        packet: EncodedPublish,
        permit: Permit,
    ) -> Result<Published, PublishError> {
        let (reply, outcome) = oneshot::channel();
        let deadline = Instant::now() + self.publish_timeout;
        if self.submissions.send(Submission { packet, permit, deadline, reply }).is_err() {
            return Err(PublishError::BrokerUnavailable("the bridge is shutting down".to_owned()));
        }
        outcome.await.unwrap_or_else(|_| {
            Err(PublishError::ConnectionLost("the connection to the broker was closed".to_owned()))
        })
    }
}
