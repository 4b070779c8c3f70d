//! The handle of a session.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::availability::Absence;
use super::lifecycle::Lifecycle;
use super::options::SessionOptions;
use super::reconnect::Reconnect;
use super::reply::{self, LatePubAck, Pending};
use super::status::Status;
use super::submission::Submission;
use crate::budget::Permit;
use crate::codec::publish::EncodedPublish;
use crate::error::PublishError;

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

    /// Submits a message. Its outcome is known after the publish time-out at the latest.
    pub(crate) fn submit(
        &self,
        packet: EncodedPublish,
        permit: Permit,
        late: LatePubAck,
    ) -> Result<Pending, PublishError> {
        let (reply, pending) = reply::channel(late);
        let deadline = Instant::now() + self.publish_timeout;
        match self.submissions.send(Submission { packet, permit, deadline, reply }) {
            Ok(()) => Ok(pending),
            Err(_) => Err(PublishError::unavailable(Absence::Closed)),
        }
    }
}
