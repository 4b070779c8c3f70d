//! The Reason Codes of the broker (MQTT 5.0, 2.4), and the tables that map them to answers.

use crate::code::Code;

/// A Reason Code, as the broker sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReasonCode(pub u8);

/// The answer to a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// 204: the broker acknowledged the message.
    NoContent,
    /// 202: the broker accepted the message and has no matching subscribers.
    Accepted,
    /// The problem with this code.
    Refused(Code),
}

// === impl ReasonCode ===

impl ReasonCode {
    /// Success: the broker accepted the message.
    pub const SUCCESS: Self = Self(0x00);
    /// No matching subscribers: the broker accepted the message, and no subscription matches its topic.
    pub const NO_MATCHING_SUBSCRIBERS: Self = Self(0x10);

    /// The answer to a publish, by the Reason Code of its PUBACK (MQTT 5.0, 3.4.2.1). A code that a PUBACK cannot have is a
    /// [`Code::BrokerProtocolError`].
    #[must_use]
    pub const fn to_publish_answer(self) -> Answer {
        match self.0 {
            0x00 => Answer::NoContent,
            0x10 => Answer::Accepted,
            0x80 => Answer::Refused(Code::UnspecifiedError),
            0x83 => Answer::Refused(Code::ImplementationSpecificError),
            0x87 => Answer::Refused(Code::NotAuthorized),
            0x90 => Answer::Refused(Code::TopicNameInvalid),
            0x91 => Answer::Refused(Code::PacketIdentifierInUse),
            0x95 => Answer::Refused(Code::PacketTooLarge),
            0x97 => Answer::Refused(Code::QuotaExceeded),
            0x99 => Answer::Refused(Code::PayloadFormatInvalid),
            0x9A => Answer::Refused(Code::RetainNotSupported),
            0x9B => Answer::Refused(Code::QosNotSupported),
            _ => Answer::Refused(Code::BrokerProtocolError),
        }
    }

    /// The problem of publishes that have no connection because of a CONNACK or DISCONNECT with this Reason Code (MQTT 5.0,
    /// 3.2.2.2 and 3.14.2.1).
    #[must_use]
    pub const fn to_connection_problem(self) -> Code {
        match self.0 {
            0x81 | 0x82 | 0x84 => Code::BrokerProtocolError,
            0x85 | 0x86 | 0x87 | 0x8A | 0x8C => Code::BrokerLoginFailed,
            0x96 | 0x97 | 0x9F => Code::BrokerRateExceeded,
            _ => Code::BrokerUnavailable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_code_of_a_puback_decides_the_status() {
        let rows = [
            (0x00, 204),
            (0x10, 202),
            (0x80, 500),
            (0x83, 500),
            (0x87, 403),
            (0x90, 400),
            (0x91, 503),
            (0x97, 429),
            (0x99, 400),
            (0x9A, 400),
            (0x9B, 400),
            (0x95, 413),
            (0x01, 502),
            (0xFF, 502),
        ];
        for (reason, expected) in rows {
            let status = match ReasonCode(reason).to_publish_answer() {
                Answer::NoContent => 204,
                Answer::Accepted => 202,
                Answer::Refused(code) => code.status(),
            };
            assert_eq!(status, expected, "{reason:#04x}");
        }
    }

    #[test]
    fn the_reason_code_of_a_connection_decides_the_status_of_its_publishes() {
        let rows = [
            (0x84, 502),
            (0x86, 502),
            (0x87, 502),
            (0x8C, 502),
            (0x88, 503),
            (0x89, 503),
            (0x8B, 503),
            (0x9C, 503),
            (0x9D, 503),
            (0x96, 429),
            (0x97, 429),
            (0x9F, 429),
        ];
        for (reason, expected) in rows {
            assert_eq!(ReasonCode(reason).to_connection_problem().status(), expected, "{reason:#04x}");
        }
    }
}
