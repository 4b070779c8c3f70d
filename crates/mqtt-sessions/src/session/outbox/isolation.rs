//! Finding the message that makes the broker close the connection.
//!
//! A broker may close the connection because of one message, with DISCONNECT 0x95 for example, or without a reason. A
//! resumed session sends that message again, and the connection is closed again. Therefore a connection that follows one
//! which the broker has closed with messages unacknowledged starts with the oldest of them alone, and doubles the number of
//! messages in flight with each PUBACK until all of them are acknowledged. A broker that handles messages in order has
//! acknowledged all before the one it closes the connection for: that one is sent alone at its second try, and given up when
//! the connection is closed again. If its last PUBACKs were lost, or a broker handles messages in another order, each further
//! connection acknowledges some, until one message is left.

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
    /// The broker, perhaps because of a message; or the network.
    Broker,
    /// This side, or another connection with the same Client Identifier.
    Other,
}

/// The search.
#[derive(Debug, Default)]
pub(super) struct Isolation {
    pace: Pace,
}

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
        let alone = unacknowledged == 1 && oldest == Some(Tries::Several);
        let suspect = match (by, self.pace) {
            (EndedBy::Broker, Pace::Limited(_)) if alone => Suspect::First,
            _ => Suspect::Unknown,
        };
        self.pace = match (by, unacknowledged) {
            (EndedBy::Broker, 1..) => Pace::Limited(1),
            // A connection that ended before it sent anything says nothing about the messages.
            (EndedBy::Broker, 0) if self.pace != Pace::Full => Pace::Limited(1),
            _ => Pace::Full,
        };
        suspect
    }

    /// A message was acknowledged.
    pub(super) fn acknowledged(&mut self) {
        if let Pace::Limited(number) = &mut self.pace {
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
            End::Eof | End::Io(_) | End::Disconnected(_) | End::Protocol(_) => Self::Broker,
            End::Closed | End::Evicted(_) | End::Silent | End::Stalled => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_that_is_alone_at_its_second_try_is_the_suspect() {
        use EndedBy::{Broker, Other};
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
            (Broker, 0, None, 9, Suspect::Unknown),
        ];
        let mut isolation = Isolation::default();
        for (number, (by, unacknowledged, oldest, acknowledged, suspect)) in rows.into_iter().enumerate() {
            (0..acknowledged).for_each(|_| isolation.acknowledged());
            assert_eq!(isolation.connection_ended(by, unacknowledged, oldest), suspect, "{number}");
        }
    }

    #[test]
    fn the_pace_doubles_with_each_puback_until_all_are_acknowledged() {
        let mut isolation = Isolation::default();
        isolation.connection_ended(EndedBy::Broker, 5, Some(Tries::One));
        let paces = [1, 2, 4].map(|expected| {
            let pace = isolation.pace();
            isolation.acknowledged();
            (pace, Pace::Limited(expected))
        });
        for (pace, expected) in paces {
            assert_eq!(pace, expected);
        }
        isolation.cleared();
        assert_eq!(isolation.pace(), Pace::Full);
    }
}
