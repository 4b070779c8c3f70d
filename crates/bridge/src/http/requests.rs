//! Requests that wait for a reply: `Prefer: wait=N`.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http_publish::{Code, Problem, ReasonCode, Wait, WithoutReply};
use mqtt_sessions::replies::{Expected, Replies, Reply, ReplyError};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::translate::{self, Published};

/// Prepares requests, and waits for their replies.
#[derive(Debug)]
pub struct Requests {
    replies: Arc<Replies>,
    /// The longest wait in seconds.
    maximum: NonZeroU32,
}

/// A request that can be published: its reply would be received.
#[derive(Debug)]
pub(super) struct Prepared {
    wait: Wait,
    deadline: Instant,
    expected: Expected,
}

/// A request that was published.
#[derive(Debug)]
pub(super) struct Answered {
    /// The wait that was granted.
    pub(super) wait: Wait,
    /// What the broker acknowledged; `None` if the reply came first.
    pub(super) published: Option<Published>,
    /// `None`: none came, and the request prefers 202 then.
    pub(super) reply: Option<Reply>,
}

// === impl Requests ===

impl Requests {
    /// Requests that wait for at most `maximum` seconds.
    #[must_use]
    pub const fn new(replies: Arc<Replies>, maximum: NonZeroU32) -> Self {
        Self { replies, maximum }
    }

    /// The replies.
    #[must_use]
    pub const fn replies(&self) -> &Arc<Replies> {
        &self.replies
    }

    /// The longest wait.
    pub(super) const fn longest(&self) -> Duration {
        Duration::from_secs(self.maximum.get() as u64)
    }

    /// The wait that is granted to a request.
    pub(super) fn grant(&self, wait: Wait) -> Wait {
        wait.at_most(self.maximum)
    }

    /// Makes sure that the reply would be received. The wait begins now, and holds this number of bytes besides the reply.
    ///
    /// # Errors
    ///
    /// Returns a problem if it would not be. Nothing was published then.
    pub(super) async fn prepare(&self, wait: Wait, beside: usize) -> Result<Prepared, Problem> {
        let deadline = Instant::now() + Duration::from_secs(u64::from(wait.seconds.get()));
        match timeout_at(deadline, self.replies.expect(beside)).await {
            Ok(Ok(expected)) => Ok(Prepared { wait, deadline, expected }),
            Ok(Err(error)) => Err(translate::unexpected(error)),
            Err(_) => {
                let detail = "the subscription to replies was not made in time; nothing was published";
                Err(Problem::new(Code::BrokerUnavailable, detail))
            }
        }
    }
}

// === impl Prepared ===

impl Prepared {
    /// The Correlation Data of the request.
    pub(super) fn correlation_data(&self) -> Vec<u8> {
        self.expected.correlation_data().to_vec()
    }

    /// Publishes the request, and waits for its reply until `stopped`.
    ///
    /// # Errors
    ///
    /// Returns the problem of the publish; or one that says that there is no reply.
    pub(super) async fn answer(
        mut self,
        publishing: impl Future<Output = Result<Published, Problem>>,
        stopped: &CancellationToken,
    ) -> Result<Answered, Problem> {
        let Self { wait, deadline, expected } = &mut self;
        let (wait, deadline) = (*wait, *deadline);
        let published = tokio::select! {
            biased;
            published = publishing => published?,
            // The reply may come before the PUBACK.
            reply = expected.reply() => {
                return Ok(Answered { wait, published: None, reply: Some(received(reply, None, wait)?) });
            }
            () = sleep_until(deadline) => return Err(unacknowledged(wait)),
        };
        let reason_code = published.reason_code;
        if reason_code == Some(ReasonCode::NO_MATCHING_SUBSCRIBERS) {
            const DETAIL: &str = "the message was published, and nothing subscribes to its topic";
            let problem = Problem::new(Code::NoResponder, DETAIL).applied(wait);
            return Err(acknowledged(problem, reason_code));
        }
        let reply = tokio::select! {
            biased;
            reply = expected.reply() => Some(received(reply, reason_code, wait)?),
            () = sleep_until(deadline) => None,
            () = stopped.cancelled() => return Err(acknowledged(stopping(), reason_code)),
        };
        if reply.is_none() && wait.without_reply == WithoutReply::Refused {
            return Err(acknowledged(no_reply(wait), reason_code));
        }
        Ok(Answered { wait, published: Some(published), reply })
    }
}

fn received(
    reply: Result<Reply, ReplyError>,
    reason_code: Option<ReasonCode>,
    wait: Wait,
) -> Result<Reply, Problem> {
    reply.map_err(|error| match error {
        ReplyError::Closed => acknowledged(stopping(), reason_code),
        ReplyError::Exhausted(exhausted) => {
            let detail = format!("the message was published, and its reply was dropped: {exhausted}");
            acknowledged(Problem::new(Code::Overloaded, detail).applied(wait), reason_code)
        }
    })
}

/// Adds the Reason Code of the PUBACK: the message was published.
fn acknowledged(problem: Problem, reason_code: Option<ReasonCode>) -> Problem {
    match reason_code {
        Some(reason_code) => problem.from_broker(reason_code, None),
        None => problem,
    }
}

fn unacknowledged(wait: Wait) -> Problem {
    let detail = format!(
        "neither a reply nor the PUBACK arrived within {} s; whether the message was published is unknown",
        wait.seconds
    );
    Problem::new(Code::AcknowledgementTimeout, detail).applied(wait)
}

fn no_reply(wait: Wait) -> Problem {
    let detail = format!("the message was published, and no reply arrived within {} s", wait.seconds);
    Problem::new(Code::NoReply, detail).applied(wait)
}

fn stopping() -> Problem {
    Problem::new(Code::NoReply, "the message was published, and the bridge stopped before a reply arrived")
}
