//! How a request ended at the edge, which is what the filter counts.

use http_publish::{AtFault, Code, QoS};

/// What became of a request to the configured path. Each is counted once, when it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// All of it went on to the upstream.
    Sent(QoS),
    /// All of it went on to the upstream: a batch, of any number of messages.
    SentBatch,
    /// A request for retained messages went on to the upstream.
    Read,
    /// It was a dry run, and its answer was given.
    DryRun,
    /// It was refused.
    Refused(Code),
}

// === impl Outcome ===

impl Outcome {
    /// The name of the counters. They are told apart by the labels `outcome` and, if a message was sent, `qos`.
    pub const COUNTER: &'static str = "postmqtt_requests";

    /// Every outcome there can be, the usual one first. Codes that only a bridge or a broker gives are not among them.
    pub fn all() -> impl Iterator<Item = Self> {
        let own = |code: &&Code| {
            matches!(code.at_fault(), AtFault::Client | AtFault::Edge)
                && !matches!(
                    code,
                    Code::IdempotencyKeyInUse | Code::IdempotencyKeyReused | Code::ClientShareExceeded
                )
        };
        [Self::Sent(QoS::AtLeastOnce), Self::Sent(QoS::AtMostOnce), Self::SentBatch, Self::Read, Self::DryRun]
            .into_iter()
            .chain(Code::ALL.iter().filter(own).map(|&code| Self::Refused(code)))
    }

    /// The label `outcome`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent(_) => "Sent",
            Self::SentBatch => "SentBatch",
            Self::Read => "Read",
            Self::DryRun => "DryRun",
            Self::Refused(code) => code.as_str(),
        }
    }

    /// The label `qos`, of a message that was sent.
    #[must_use]
    pub const fn qos(self) -> Option<QoS> {
        match self {
            Self::Sent(qos) => Some(qos),
            Self::SentBatch | Self::Read | Self::DryRun | Self::Refused(_) => None,
        }
    }
}
