//! What became of a message.

use crate::reason_code::BrokerReason;

/// The outcome of a publish that reached the broker's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// QoS 0: the message was written to the socket. The broker does not acknowledge it.
    Written,
    /// QoS 1: the PUBACK as it came. Its Reason Code may be a failure, or one that MQTT 5.0, 3.4.2.1, does not list: what
    /// each code means is for the application to decide.
    Acknowledged(BrokerReason),
}
