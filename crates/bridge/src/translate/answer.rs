//! From the outcome of a publish to the answer of its request.
//!
//! What a Reason Code means is decided by [`ReasonCode::to_publish_answer`] and
//! [`ReasonCode::to_connection_problem`] alone, for success and failure alike.

use http_publish::{Answer, Code, Problem, ReasonCode};
use hyper::StatusCode;
use mqtt_sessions::budget::Exhausted;
use mqtt_sessions::{BrokerReason, Chain, Delivery, Overload, PublishError};

/// A message that the broker accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// 204 or 202.
    pub(crate) status: StatusCode,
    /// The Reason Code of the PUBACK. `None`: QoS 0, which has no PUBACK.
    pub(crate) reason_code: Option<ReasonCode>,
}

/// The answer to a request whose publish had this outcome.
///
/// # Errors
///
/// Returns the problem if the message was not published, or if that is unknown.
pub(crate) fn answer(outcome: Result<Delivery, PublishError>) -> Result<Published, Problem> {
    match outcome {
        Ok(Delivery::Written) => Ok(Published { status: StatusCode::ACCEPTED, reason_code: None }),
        Ok(Delivery::Acknowledged(reason)) => acknowledged(reason),
        Err(error) => Err(problem(error)),
    }
}

fn acknowledged(reason: BrokerReason) -> Result<Published, Problem> {
    let reason_code = ReasonCode(reason.reason_code.0);
    let status = match reason_code.to_publish_answer() {
        Answer::NoContent => StatusCode::NO_CONTENT,
        Answer::Accepted => StatusCode::ACCEPTED,
        Answer::Refused(code) => {
            let detail = format!("the broker acknowledged the message with {reason}");
            return Err(Problem::new(code, detail).from_broker(reason_code, reason.reason_string));
        }
    };
    Ok(Published { status, reason_code: Some(reason_code) })
}

/// The problem of a message that was not published, or may not have been.
pub(crate) fn problem(error: PublishError) -> Problem {
    let detail = Chain(&error).to_string();
    let code = match error {
        PublishError::QosNotSupported => Code::QosNotSupported,
        PublishError::RetainNotSupported => Code::RetainNotSupported,
        PublishError::PacketTooLarge { .. } => Code::PacketTooLarge,
        PublishError::ConnectionRefused(reason) | PublishError::ConnectionClosed(reason) => {
            let reason_code = ReasonCode(reason.reason_code.0);
            return Problem::new(reason_code.to_connection_problem(), detail)
                .from_broker(reason_code, reason.reason_string);
        }
        PublishError::ClientRefused(reason) => {
            let reason_code = ReasonCode(reason.reason_code.0);
            let code = match reason.reason_code {
                mqtt_sessions::ReasonCode::NOT_AUTHORIZED => Code::NotAuthorized,
                _ => Code::Unauthenticated,
            };
            return Problem::new(code, detail).from_broker(reason_code, reason.reason_string);
        }
        PublishError::MessageRejected(reason) => {
            let reason_code = ReasonCode(reason.reason_code.0);
            // A code that faults the message means the same as in PUBACK.
            let code = match reason_code.to_publish_answer() {
                Answer::Refused(code) if code.status() < 500 => code,
                _ => Code::ConnectionLost,
            };
            return Problem::new(code, detail).from_broker(reason_code, reason.reason_string);
        }
        PublishError::BrokerProtocol(_) => Code::BrokerProtocolError,
        PublishError::BrokerUnavailable(_) => Code::BrokerUnavailable,
        PublishError::ConnectionLost(_) => Code::ConnectionLost,
        PublishError::MissingClient | PublishError::MissingPassword => Code::UnidentifiedClient,
        PublishError::Overloaded(Overload::Budget(Exhausted::Share)) => Code::ClientShareExceeded,
        PublishError::Overloaded(_) => Code::Overloaded,
        PublishError::AcknowledgementTimeout | PublishError::WriteTimeout => Code::AcknowledgementTimeout,
    };
    Problem::new(code, detail)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mqtt_sessions::Loss;
    use mqtt_sessions::codec::DecodeError;

    use super::*;

    fn reason(reason_code: u8) -> BrokerReason {
        let reason_string = Some("because".to_owned());
        BrokerReason { reason_code: mqtt_sessions::ReasonCode(reason_code), reason_string }
    }

    #[test]
    fn every_error_has_its_code() {
        let io = Arc::new(std::io::Error::other("no route"));
        let rows = [
            (PublishError::QosNotSupported, 400, Code::QosNotSupported),
            (PublishError::RetainNotSupported, 400, Code::RetainNotSupported),
            (PublishError::PacketTooLarge { actual: 2, maximum: 1 }, 413, Code::PacketTooLarge),
            (PublishError::ConnectionRefused(reason(0x87)), 502, Code::BrokerLoginFailed),
            (PublishError::ConnectionRefused(reason(0x97)), 429, Code::BrokerRateExceeded),
            (PublishError::ConnectionRefused(reason(0x88)), 503, Code::BrokerUnavailable),
            (PublishError::ClientRefused(reason(0x86)), 401, Code::Unauthenticated),
            (PublishError::ClientRefused(reason(0x87)), 403, Code::NotAuthorized),
            (PublishError::ConnectionClosed(reason(0x97)), 429, Code::BrokerRateExceeded),
            (PublishError::ConnectionClosed(reason(0x8B)), 503, Code::BrokerUnavailable),
            (PublishError::MessageRejected(reason(0x97)), 429, Code::QuotaExceeded),
            (PublishError::MessageRejected(reason(0x95)), 413, Code::PacketTooLarge),
            (PublishError::MessageRejected(reason(0x80)), 503, Code::ConnectionLost),
            (DecodeError::Protocol("a second CONNACK").into(), 502, Code::BrokerProtocolError),
            (PublishError::BrokerUnavailable(io), 503, Code::BrokerUnavailable),
            (PublishError::ConnectionLost(Loss::Session), 503, Code::ConnectionLost),
            (PublishError::ConnectionLost(Loss::Forbidden), 503, Code::ConnectionLost),
            (PublishError::MissingClient, 500, Code::UnidentifiedClient),
            (Overload::ReceiveMaximum.into(), 503, Code::Overloaded),
            (Overload::UnansweredTopic.into(), 503, Code::Overloaded),
            (Exhausted::Messages.into(), 503, Code::Overloaded),
            (Exhausted::Share.into(), 429, Code::ClientShareExceeded),
            (PublishError::AcknowledgementTimeout, 504, Code::AcknowledgementTimeout),
            (PublishError::WriteTimeout, 504, Code::AcknowledgementTimeout),
        ];
        for (error, status, code) in rows {
            let problem = problem(error);
            assert_eq!((problem.status(), problem.code()), (status, code), "{}", problem.detail());
        }
    }

    #[test]
    fn the_detail_of_a_problem_names_the_causes() {
        let io = Arc::new(std::io::Error::other("no route"));
        let problem = problem(PublishError::BrokerUnavailable(io));
        assert_eq!(problem.detail(), "there is no connection to the broker: no route");
    }

    #[test]
    fn a_qos_0_message_is_accepted_without_a_reason_code() {
        let expected = Published { status: StatusCode::ACCEPTED, reason_code: None };
        assert_eq!(answer(Ok(Delivery::Written)), Ok(expected));
    }
}
