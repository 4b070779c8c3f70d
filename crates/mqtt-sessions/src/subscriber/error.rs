//! Why there is no subscription.

use std::time::Duration;

use crate::error::PublishError;
use crate::reason_code::BrokerReason;

/// There is no subscription, so nothing would be received.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubscribeError {
    /// There is no connection. The broker, the network or the configuration is at fault.
    #[error(transparent)]
    Unavailable(PublishError),
    /// The broker answered SUBSCRIBE with this Reason Code of at least 0x80.
    #[error("the broker refused the subscription with {0}")]
    Refused(BrokerReason),
    /// The broker did not answer SUBSCRIBE.
    #[error("the broker did not answer SUBSCRIBE within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The subscriber was closed.
    #[error("the subscriber is closed")]
    Closed,
}
