//! Finding the message that makes the broker close the connection.
//!
//! A broker may close the connection because of one message, for example with DISCONNECT 0x95. A resumed session sends that
//! message again, and the connection is closed again. After two such connections in a row, messages are sent one at a time;
//! if the connection is closed then, the oldest message in flight is the cause.

/// How fast messages are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pace {
    /// Up to the broker's Receive Maximum.
    #[default]
    Full,
    /// One: the message that makes the broker close the connection is being searched for.
    OneAtATime,
}

/// The message that made the broker close the connection, if it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspect {
    Unknown,
    /// The oldest message in flight.
    First,
}

/// The search.
#[derive(Debug, Default)]
pub(super) struct Isolation {
    pace: Pace,
    /// How many connections in a row ended with messages unacknowledged and none acknowledged.
    fruitless: u32,
}

/// After this many fruitless connections in a row, messages are sent one at a time.
const FRUITLESS_CONNECTIONS: u32 = 2;

// === impl Isolation ===

impl Isolation {
    pub(super) const fn pace(&self) -> Pace {
        self.pace
    }

    /// A connection has ended after these many messages were acknowledged, with these many unacknowledged.
    pub(super) fn connection_ended(&mut self, acknowledged: u64, unacknowledged: usize) -> Suspect {
        self.fruitless = match (acknowledged, unacknowledged) {
            (0, 1..) => self.fruitless.saturating_add(1),
            _ => 0,
        };
        let suspect = match self.pace {
            Pace::OneAtATime if unacknowledged > 0 => Suspect::First,
            Pace::OneAtATime | Pace::Full => Suspect::Unknown,
        };
        self.pace = if self.fruitless >= FRUITLESS_CONNECTIONS { Pace::OneAtATime } else { Pace::Full };
        suspect
    }

    /// Everything that was in flight is acknowledged.
    pub(super) fn cleared(&mut self) {
        self.pace = Pace::Full;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_two_fruitless_connections_the_first_message_of_the_third_is_the_suspect() {
        // For each connection in a row: acknowledged, unacknowledged; the suspect, and the pace of the next connection.
        let rows = [
            (0, 5, Suspect::Unknown, Pace::Full),
            (3, 2, Suspect::Unknown, Pace::Full),
            (0, 5, Suspect::Unknown, Pace::Full),
            (0, 5, Suspect::Unknown, Pace::OneAtATime),
            (0, 1, Suspect::First, Pace::OneAtATime),
            (1, 1, Suspect::First, Pace::Full),
            (0, 0, Suspect::Unknown, Pace::Full),
        ];
        let mut isolation = Isolation::default();
        for (number, (acknowledged, unacknowledged, suspect, pace)) in rows.into_iter().enumerate() {
            assert_eq!(isolation.connection_ended(acknowledged, unacknowledged), suspect, "{number}");
            assert_eq!(isolation.pace(), pace, "{number}");
        }
    }
}
