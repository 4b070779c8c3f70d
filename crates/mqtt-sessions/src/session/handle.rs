//! The handle of a session.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::SendError;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::availability::{Absence, RECONNECT_PATIENCE};
use super::lifecycle::Lifecycle;
use super::options::SessionOptions;
use super::reconnect::Reconnect;
use super::reply::{self, LatePubAck, Pending};
use super::status::Status;
use super::submission::Submission;
use crate::budget::Permit;
use crate::codec::publish::EncodedPublish;
use crate::error::PublishError;

/// How long a message may have waited that another session takes: somewhat longer than for a connection.
const ADOPTION_AGE: Duration = RECONNECT_PATIENCE.saturating_mul(2);

/// A handle to a session's task.
#[derive(Debug)]
pub(crate) struct Session {
    submissions: mpsc::UnboundedSender<Submission>,
    status: watch::Receiver<Status>,
    publish_timeout: Duration,
}

/// What a session receives, before its task is started.
#[derive(Debug)]
pub(crate) struct Inbox {
    submissions: mpsc::UnboundedReceiver<Submission>,
    status: watch::Sender<Status>,
}

// === impl Session ===

impl Session {
    /// A handle to a session whose task is not started yet.
    pub(crate) fn new(publish_timeout: Duration) -> (Self, Inbox) {
        // The channel is bounded by the permits of the messages in it.
        let (submissions, receiver) = mpsc::unbounded_channel();
        let (status_sender, status) = watch::channel(Status::Connecting);
        let session = Self { submissions, status, publish_timeout };
        (session, Inbox { submissions: receiver, status: status_sender })
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

    /// Submits a message that another session had. Returns it if it has waited there for too long, because
    /// messages are expected in the order of their deadlines, or if this session is closed.
    pub(crate) fn adopt(&self, submission: Submission) -> Option<Submission> {
        if submission.deadline + ADOPTION_AGE < Instant::now() + self.publish_timeout {
            return Some(submission);
        }
        self.submissions.send(submission).err().map(|SendError(submission)| submission)
    }
}

// === impl Inbox ===

impl Inbox {
    /// Starts the session's task on `tasks`.
    pub(crate) fn start(self, options: SessionOptions, lifecycle: Arc<impl Lifecycle>, tasks: &TaskTracker) {
        tasks.spawn(Reconnect::new(options, lifecycle, self.submissions, self.status).run());
    }
}
