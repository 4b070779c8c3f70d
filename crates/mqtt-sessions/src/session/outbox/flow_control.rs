//! The broker's limits on a connection (MQTT 5.0, 3.2.2.3 and 4.9).

use super::isolation::Pace;
use crate::codec::connack::{RetainAvailable, ServerLimits};
use crate::codec::publish::EncodedPublish;
use crate::error::PublishError;
use crate::message::{QoS, Retain};

/// The limits of the CONNACK, and how much of the Receive Maximum is used.
#[derive(Debug, Default)]
pub(super) struct FlowControl {
    limits: ServerLimits,
    unacknowledged: usize,
}

// === impl FlowControl ===

impl FlowControl {
    pub(super) fn connected(&mut self, limits: ServerLimits) {
        *self = Self { limits, unacknowledged: 0 };
    }

    pub(super) fn disconnected(&mut self) {
        self.unacknowledged = 0;
    }

    /// How many messages were written to this connection and are not acknowledged.
    pub(super) const fn unacknowledged(&self) -> usize {
        self.unacknowledged
    }

    /// Whether another message of QoS 1 may be sent.
    pub(super) fn has_room(&self, pace: Pace) -> bool {
        let maximum = match pace {
            Pace::Full => self.receive_maximum(),
            Pace::Limited(number) => self.receive_maximum().min(number),
        };
        self.unacknowledged < maximum
    }

    pub(super) fn receive_maximum(&self) -> usize {
        usize::from(self.limits.receive_maximum.get())
    }

    pub(super) fn sent(&mut self) {
        self.unacknowledged += 1;
    }

    pub(super) fn acknowledged(&mut self) {
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
    }

    /// Returns an error if the broker's CONNACK forbids the packet. Sending it would make the broker close the connection.
    pub(super) fn check(&self, packet: &EncodedPublish) -> Result<(), PublishError> {
        let limits = &self.limits;
        if packet.qos() == QoS::AtLeastOnce && limits.maximum_qos == QoS::AtMostOnce {
            return Err(PublishError::QosNotSupported);
        }
        if packet.retain() == Retain::Store && limits.retain_available == RetainAvailable::No {
            return Err(PublishError::RetainNotSupported);
        }
        let maximum = limits.maximum_packet_size.and_then(|size| usize::try_from(size.get()).ok());
        match maximum {
            Some(maximum) if packet.length() > maximum => {
                Err(PublishError::PacketTooLarge { actual: packet.length(), maximum })
            }
            _ => Ok(()),
        }
    }
}
