//! The handle of a session.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::availability::Absence;
use super::lifecycle::Lifecycle;
use super::options::SessionOptions;
use super::reconnect::Reconnect;
use super::status::Status;
use super::submission::{Outcome, Submission};
use crate::budget::Permit;
use crate::codec::publish::EncodedPublish;
use crate::error::{Loss, PublishError};

/// A handle to a session's task.
#[derive(Debug)]
pub(crate) struct Session {
    submissions: mpsc::UnboundedSender<Submission>,
    status: watch::Receiver<Status>,
    publish_timeout: Duration,
}

// === impl Session ===

impl Session {
    /// Starts the session's task on `tasks`.
    pub(crate) fn start(
        options: SessionOptions,
        lifecycle: Arc<impl Lifecycle>,
        tasks: &TaskTracker,
    ) -> Self {
        // The channel is bounded by the permits of the messages in it.
        let (submissions, receiver) = mpsc::unbounded_channel();
        let (status_sender, status) = watch::channel(Status::Connecting);
        let publish_timeout = options.config.publish_timeout;
        tasks.spawn(Reconnect::new(options, lifecycle, receiver, status_sender).run());
        Self { submissions, status, publish_timeout }
    }

    pub(crate) fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// Waits until there is a connection, or the session is closed.
    pub(crate) async fn connected(&self) {
        // It fails if the session is closed: then there is nothing to wait for.
        let _ = self.status.clone().wait_for(|status| *status == Status::Connected).await;
    }

    /// Submits a message and waits for the outcome, at most for the publish time-out.
    pub(crate) async fn submit(&self, packet: EncodedPublish, permit: Permit) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        let deadline = Instant::now() + self.publish_timeout;
        if self.submissions.send(Submission { packet, permit, deadline, reply }).is_err() {
            return Err(PublishError::unavailable(Absence::Closed));
        }
        outcome.await.unwrap_or(Err(PublishError::ConnectionLost(Loss::Closed)))
    }
}
