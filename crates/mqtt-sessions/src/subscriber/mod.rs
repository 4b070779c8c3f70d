//! A session that subscribes: it receives the messages of one subscription.
//!
//! It is separate from the sessions that publish, so that what is received never waits for what is sent, nor the other way
//! round. It connects when it is first [needed](Subscriber::ready). From then on a lost connection is replaced; if the broker
//! has lost the session with it, the subscription is made again.
//!
//! Nothing is queued here. Each message is handed to the handler before it is acknowledged, and the broker keeps what is not
//! acknowledged. What one subscriber holds is bounded by its [`IncomingLimits`]: one packet, and the PUBACKs of the
//! messages that the broker may send ahead.

mod connection;
mod error;
mod session;

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub use self::error::SubscribeError;
use self::session::{Session, Status};
use crate::codec::received::ReceivedPublish;
use crate::codec::subscribe::Subscription;
use crate::config::Config;
use crate::connector::Connector;
pub use crate::connector::IncomingLimits;
use crate::tls::TlsError;

/// A session with one subscription.
///
/// Dropping it ends the session without waiting; [`close`](Self::close) waits.
#[derive(Debug)]
pub struct Subscriber {
    status: watch::Receiver<Status>,
    demand: Arc<Notify>,
    tasks: TaskTracker,
    closing: CancellationToken,
    _close_on_drop: DropGuard,
}

// === impl Subscriber ===

impl Subscriber {
    /// Starts the session's task on the current Tokio runtime. It does not connect yet.
    ///
    /// `client_identifier` has to be unique among all sessions of the broker. `handler` is called for each message before it is
    /// acknowledged; it must not block. A message of QoS 1 may come twice.
    ///
    /// # Errors
    ///
    /// Returns an error if the TLS files cannot be used.
    ///
    /// # Panics
    ///
    /// Panics if it is called outside of a Tokio runtime.
    pub fn start(
        config: Arc<Config>,
        limits: IncomingLimits,
        client_identifier: String,
        subscription: Subscription,
        handler: impl Fn(ReceivedPublish) + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        let connector = Connector::new(Arc::clone(&config), limits)?;
        let (status_sender, status) = watch::channel(Status::Idle);
        let demand = Arc::new(Notify::new());
        let closing = CancellationToken::new();
        let session = Session {
            route: connector.route(0),
            connector,
            config,
            limits,
            client_identifier,
            subscription,
            handler,
            status: status_sender,
            demand: Arc::clone(&demand),
            closing: closing.clone(),
        };
        let tasks = TaskTracker::new();
        tasks.spawn(session.run());
        let close_on_drop = closing.clone().drop_guard();
        Ok(Self { status, demand, tasks, closing, _close_on_drop: close_on_drop })
    }

    /// Returns once the broker has granted the subscription: at once if it has already, otherwise at most after the connect
    /// time-out for the connection, and again for the SUBACK.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no connection, or if the broker refuses the subscription.
    pub async fn ready(&self) -> Result<(), SubscribeError> {
        if matches!(*self.status.borrow(), Status::Subscribed) {
            return Ok(());
        }
        self.demand.notify_one();
        let mut status = self.status.clone();
        let settled = status.wait_for(|status| !matches!(status, Status::Idle | Status::Connecting)).await;
        match settled.as_deref() {
            Ok(Status::Subscribed) => Ok(()),
            Ok(Status::Failed(error)) => Err(error.clone()),
            Ok(Status::Idle | Status::Connecting) | Err(_) => Err(SubscribeError::Closed),
        }
    }

    /// Whether the subscription is in place and connected now.
    #[must_use]
    pub fn is_subscribed(&self) -> bool {
        matches!(*self.status.borrow(), Status::Subscribed)
    }

    /// Sends DISCONNECT and waits until the session has ended.
    pub async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
