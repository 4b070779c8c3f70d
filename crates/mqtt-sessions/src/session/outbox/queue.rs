//! Messages that were not sent yet, in the order in which they were submitted.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::error::{Overload, PublishError};
use crate::message::QoS;
use crate::session::submission::Submission;

/// The queue. Its deadlines are in the order of its messages.
#[derive(Debug, Default)]
pub(super) struct Queue(VecDeque<Submission>);

// === impl Queue ===

impl Queue {
    pub(super) fn push(&mut self, submission: Submission) {
        self.0.push_back(submission);
    }

    pub(super) fn pop(&mut self) -> Option<Submission> {
        self.0.pop_front()
    }

    /// The QoS of the message that [`pop`](Self::pop) returns next.
    pub(super) fn next_qos(&self) -> Option<QoS> {
        self.0.front().map(|submission| submission.packet.qos())
    }

    /// Whether a publisher waits for one of the messages.
    pub(super) fn is_awaited(&self) -> bool {
        self.0.iter().any(|submission| !submission.reply.is_closed())
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn take_all(&mut self) -> Vec<Submission> {
        self.0.drain(..).collect()
    }

    pub(super) fn fail_all(&mut self, error: &PublishError) {
        self.0.drain(..).for_each(|submission| submission.finish(Err(error.clone())));
    }

    /// Fails the messages whose deadline has passed.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(submission) = self.0.pop_front_if(|submission| submission.deadline <= now) {
            submission.finish(Err(Overload::ReceiveMaximum.into()));
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.0.front().map(|submission| submission.deadline)
    }
}
