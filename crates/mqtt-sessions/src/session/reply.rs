//! The answer to a publisher: the outcome of its message, and if it asks for it, a PUBACK that comes after the publish
//! time-out.

use tokio::sync::oneshot;

use crate::delivery::Delivery;
use crate::error::{Loss, PublishError};
use crate::reason_code::BrokerReason;

/// What a publisher is told.
pub(crate) type Outcome = Result<Delivery, PublishError>;

/// Where the outcome of a message goes.
#[derive(Debug)]
pub(crate) struct Reply {
    outcome: oneshot::Sender<Outcome>,
    late: LateReply,
}

/// Where a late PUBACK goes, if the publisher asked for it.
#[derive(Debug, Default)]
pub(crate) struct LateReply(Option<oneshot::Sender<BrokerReason>>);

/// Whether a publisher waits for a PUBACK after its publish time-out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LatePubAck {
    /// It does not.
    #[default]
    Ignored,
    /// [`Submitted::late_puback`](crate::Submitted::late_puback) returns it.
    Reported,
}

/// What [`Reply`] answers.
#[derive(Debug)]
pub(crate) struct Pending {
    outcome: oneshot::Receiver<Outcome>,
    late: Option<oneshot::Receiver<BrokerReason>>,
}

/// A reply, and the outcome that it will answer.
pub(crate) fn channel(late: LatePubAck) -> (Reply, Pending) {
    let (outcome_sender, outcome) = oneshot::channel();
    let (late_sender, late) = match late {
        LatePubAck::Ignored => (None, None),
        LatePubAck::Reported => {
            let (sender, receiver) = oneshot::channel();
            (Some(sender), Some(receiver))
        }
    };
    let reply = Reply { outcome: outcome_sender, late: LateReply(late_sender) };
    (reply, Pending { outcome, late })
}

// === impl Reply ===

impl Reply {
    /// Answers the publisher, which may have gone.
    pub(crate) fn send(self, outcome: Outcome) {
        let _ = self.outcome.send(outcome);
    }

    /// Answers the publisher at its deadline. A PUBACK may still come.
    pub(crate) fn time_out(self, error: PublishError) -> LateReply {
        let _ = self.outcome.send(Err(error));
        self.late
    }

    /// Whether the publisher has gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.outcome.is_closed()
    }
}

// === impl LateReply ===

impl LateReply {
    /// Passes a PUBACK on. Any other outcome means that none can arrive any more, as does dropping the reply.
    pub(crate) fn send(self, outcome: Outcome) {
        if let (Some(sender), Ok(Delivery::Acknowledged(reason))) = (self.0, outcome) {
            let _ = sender.send(reason);
        }
    }
}

// === impl Pending ===

impl Pending {
    pub(crate) async fn outcome(&mut self) -> Outcome {
        (&mut self.outcome).await.unwrap_or(Err(PublishError::ConnectionLost(Loss::Closed)))
    }

    /// A PUBACK that comes after the deadline. `None`: it cannot come any more, or was not asked for.
    pub(crate) async fn late_puback(self) -> Option<BrokerReason> {
        self.late?.await.ok()
    }

    /// The outcome, if it is known.
    #[cfg(test)]
    pub(super) fn try_outcome(&mut self) -> Option<Outcome> {
        self.outcome.try_recv().ok()
    }
}
