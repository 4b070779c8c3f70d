//! Finding the message that makes the broker close the connection.
//!
//! A broker may close the connection because of one message, with DISCONNECT 0x95 for example, or without a reason. A
//! resumed session sends that message again, and the connection is closed again. Therefore a connection that follows one
//! which the broker has closed with messages unacknowledged starts with the oldest of them alone, and doubles the number of
//! messages in flight with each PUBACK until all of them are acknowledged. A broker that handles messages in order has
//! acknowledged all before the one it closes the connection for: that one is sent alone at its second try, and given up when
//! the connection is closed again.
//!
//! A reset may discard the broker's last PUBACKs, so that the oldest message is not the one. After a reset the messages are
//! therefore sent one by one, and the number doubles only when that has taken [`ONE_BY_ONE`]: it costs a round trip for each.
//! Then, or with a broker that handles messages in another order, each further connection acknowledges some, until one
//! message is left.
//!
//! A broker may also refuse a message with a PUBACK and then close the connection because of it, as Mosquitto 2.0.11 does with
//! `max_queued_messages 0`. The next message is sent in between, and alone. So after a refusal, no message is given up.

use std::time::Duration;

use tokio::time::Instant;

use super::sent::Tries;
use crate::session::end::End;

/// How many messages of QoS 1 may be in flight, apart from the Receive Maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pace {
    /// Any number.
    #[default]
    Full,
    /// At most this number: the message that makes the broker close the connection is being searched for.
    Limited(usize),
}

/// The message that made the broker close the connection, if it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspect {
    Unknown,
    /// The oldest message in flight.
    First,
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndedBy {
    /// The broker, perhaps because of a message. Every PUBACK that it sent has arrived.
    Broker,
    /// The same, or the network, with a reset. The last PUBACKs may be lost.
    Reset,
    /// This side, or another connection with the same Client Identifier.
    Other,
}

/// The search.
#[derive(Debug, Default)]
pub(super) struct Isolation {
    pace: Pace,
    growth: Growth,
    /// Of the message that this connection has answered last.
    last: Verdict,
}

/// What the broker has answered to a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Verdict {
    #[default]
    Accepted,
    Refused,
}

/// What a PUBACK changes in the pace.
#[derive(Clone, Copy, Debug, Default)]
enum Growth {
    /// It doubles the number of messages.
    #[default]
    Doubling,
    /// Nothing until this time, which is set when the next connection sends its first message.
    OneByOne(Option<Instant>),
}

/// How long messages are sent one by one after a reset. Others wait meanwhile, at most as long as for a connection.
const ONE_BY_ONE: Duration = Duration::from_secs(1);

// === impl Isolation ===

impl Isolation {
    pub(super) const fn pace(&self) -> Pace {
        self.pace
    }

    /// A connection has ended with these many messages unacknowledged; `oldest` is how often the oldest was written.
    pub(super) fn connection_ended(
        &mut self,
        by: EndedBy,
        unacknowledged: usize,
        oldest: Option<Tries>,
    ) -> Suspect {
        let last = std::mem::take(&mut self.last);
        let alone = unacknowledged == 1 && oldest == Some(Tries::Several) && last == Verdict::Accepted;
        let suspect = match (by, self.pace) {
            (EndedBy::Broker | EndedBy::Reset, Pace::Limited(_)) if alone => Suspect::First,
            _ => Suspect::Unknown,
        };
        self.pace = match (by, unacknowledged) {
            (EndedBy::Broker | EndedBy::Reset, 1..) => Pace::Limited(1),
            // A connection that ended before it sent anything says nothing about the messages.
            (EndedBy::Broker | EndedBy::Reset, 0) if self.pace != Pace::Full => Pace::Limited(1),
            _ => Pace::Full,
        };
        self.growth = match (by, unacknowledged) {
            (EndedBy::Reset, _) => Growth::OneByOne(None),
            (_, 1..) => Growth::Doubling,
            (_, 0) => self.growth,
        };
        suspect
    }

    /// A connection sends what has room.
    pub(super) fn sending(&mut self, now: Instant) {
        match &mut self.growth {
            Growth::OneByOne(until @ None) => *until = Some(now + ONE_BY_ONE),
            Growth::OneByOne(Some(until)) if *until <= now => self.growth = Growth::Doubling,
            Growth::OneByOne(Some(_)) | Growth::Doubling => {}
        }
    }

    /// A message was answered.
    pub(super) fn answered(&mut self, verdict: Verdict) {
        self.last = verdict;
        if let (Pace::Limited(number), Growth::Doubling) = (&mut self.pace, self.growth) {
            *number = number.saturating_mul(2);
        }
    }

    /// Everything that was in flight is acknowledged.
    pub(super) fn cleared(&mut self) {
        self.pace = Pace::Full;
    }
}

// === impl EndedBy ===

impl EndedBy {
    pub(super) fn of(end: &End) -> Self {
        match end {
            end if end.is_take_over() => Self::Other,
            End::Io(_) => Self::Reset,
            End::Eof | End::Disconnected(_) | End::Protocol(_) => Self::Broker,
            End::Closed | End::Evicted(_) | End::Silent | End::Stalled | End::Renewed | End::Returning => {
                Self::Other
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_that_is_alone_at_its_second_try_is_the_suspect() {
        use EndedBy::{Broker, Other, Reset};
        use Tries::{One, Several};
        // For each connection in a row: who ended it, messages unacknowledged, tries of the oldest, and PUBACKs before;
        // the suspect.
        let rows = [
            (Other, 5, Some(One), 0, Suspect::Unknown),
            (Broker, 5, Some(One), 3, Suspect::Unknown),
            (Broker, 1, Some(Several), 0, Suspect::First),
            (Broker, 1, Some(One), 2, Suspect::Unknown),
            (Broker, 2, Some(Several), 1, Suspect::Unknown),
            (Broker, 1, Some(Several), 1, Suspect::First),
            (Reset, 3, Some(One), 1, Suspect::Unknown),
            (Reset, 1, Some(Several), 2, Suspect::First),
            (Broker, 0, None, 9, Suspect::Unknown),
        ];
        let mut isolation = Isolation::default();
        for (number, (by, unacknowledged, oldest, acknowledged, suspect)) in rows.into_iter().enumerate() {
            (0..acknowledged).for_each(|_| isolation.answered(Verdict::Accepted));
            assert_eq!(isolation.connection_ended(by, unacknowledged, oldest), suspect, "{number}");
        }
    }

    #[test]
    fn a_message_that_was_refused_is_the_cause_rather_than_the_next_one() {
        let mut isolation = Isolation::default();
        isolation.connection_ended(EndedBy::Broker, 2, Some(Tries::One));
        isolation.answered(Verdict::Refused);
        let end =
            |isolation: &mut Isolation| isolation.connection_ended(EndedBy::Broker, 1, Some(Tries::Several));
        assert_eq!(end(&mut isolation), Suspect::Unknown);
        assert_eq!(end(&mut isolation), Suspect::First, "nothing was refused on this connection");
    }

    #[test]
    fn the_pace_doubles_with_each_puback_until_all_are_acknowledged() {
        let mut isolation = Isolation::default();
        isolation.connection_ended(EndedBy::Broker, 5, Some(Tries::One));
        let paces = [1, 2, 4].map(|expected| {
            let pace = isolation.pace();
            isolation.answered(Verdict::Accepted);
            (pace, Pace::Limited(expected))
        });
        for (pace, expected) in paces {
            assert_eq!(pace, expected);
        }
        isolation.cleared();
        assert_eq!(isolation.pace(), Pace::Full);
    }

    #[test]
    fn after_a_reset_the_pace_doubles_only_when_one_by_one_takes_too_long() {
        let mut isolation = Isolation::default();
        isolation.connection_ended(EndedBy::Reset, 5, Some(Tries::One));
        let first = Instant::now();
        // When a PUBACK arrives, in milliseconds; the pace after it.
        for (after, expected) in [(0, 1), (999, 1), (1000, 2), (1001, 4)] {
            isolation.sending(first + Duration::from_millis(after));
            isolation.answered(Verdict::Accepted);
            assert_eq!(isolation.pace(), Pace::Limited(expected), "{after} ms");
        }
    }
}
