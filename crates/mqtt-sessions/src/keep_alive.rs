//! Keep Alive (MQTT 5.0, 3.1.2.10): keeps the connection open, and detects a broker that no longer answers.

use std::time::Duration;

use tokio::time::Instant;

/// When to send a PINGREQ, and when to consider the broker dead.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    /// A PINGREQ is due after this time without traffic.
    quiet: Duration,
    /// The broker is dead after this time without an answer to PINGREQ.
    patience: Duration,
    /// The same while the broker owes something.
    quiet_while_owing: Duration,
    patience_while_owing: Duration,
    sent: Instant,
    received: Instant,
    pinged: Option<Instant>,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing before this time.
    At(Instant),
    /// A PINGREQ.
    Ping,
    /// Nothing was received for too long.
    Dead,
}

/// The longest time to wait for PINGRESP, however long the Keep Alive is.
const LONGEST_PATIENCE: Duration = Duration::from_secs(10);

/// The shortest time to wait for PINGRESP because of a short publish time-out. A Keep Alive of 1 s may make it shorter.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(1);

// === impl KeepAlive ===

impl KeepAlive {
    /// Pings within `interval`. While the broker owes something, it is pinged after half of `publish_timeout` without a sign
    /// of life, and dead after another quarter: the message can then be sent again before its time-out.
    pub(crate) fn new(interval: Duration, publish_timeout: Duration, now: Instant) -> Self {
        let quiet = interval * 3 / 4;
        let patience = (interval / 2).min(LONGEST_PATIENCE);
        Self {
            quiet,
            patience,
            quiet_while_owing: quiet.min(publish_timeout / 2),
            patience_while_owing: patience.min((publish_timeout / 4).max(SHORTEST_PATIENCE)),
            sent: now,
            received: now,
            pinged: None,
        }
    }

    pub(crate) fn sent(&mut self, now: Instant) {
        self.sent = now;
    }

    /// Any packet shows that the broker is alive.
    pub(crate) fn received(&mut self, now: Instant) {
        self.received = now;
        self.pinged = None;
    }

    pub(crate) fn pinged(&mut self, now: Instant) {
        self.pinged = Some(now);
    }

    /// When the socket last accepted bytes.
    pub(crate) const fn last_sent(&self) -> Instant {
        self.sent
    }

    /// `owing`: since when the broker owes a PUBACK, or has not read what is sent to it.
    pub(crate) fn due(&self, now: Instant, owing: Option<Instant>) -> Due {
        if let Some(pinged) = self.pinged {
            let owing = owing.map(|since| since.max(pinged) + self.patience_while_owing);
            let dead = earlier(pinged + self.patience, owing);
            return if dead <= now { Due::Dead } else { Due::At(dead) };
        }
        let owing = owing.map(|since| since.max(self.received) + self.quiet_while_owing);
        let ping = earlier(self.sent.min(self.received) + self.quiet, owing);
        if ping <= now { Due::Ping } else { Due::At(ping) }
    }
}

fn earlier(one: Instant, other: Option<Instant>) -> Instant {
    other.map_or(one, |other| one.min(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_quiet_connection_is_pinged_before_its_keep_alive_is_over() {
        let start = Instant::now();
        let keep_alive = KeepAlive::new(seconds(20), seconds(10), start);
        assert_eq!(keep_alive.due(start, None), Due::At(start + seconds(15)));
        assert_eq!(keep_alive.due(start + seconds(15), None), Due::Ping);
    }

    #[test]
    fn sending_does_not_show_that_the_broker_is_alive() {
        let start = Instant::now();
        let mut keep_alive = KeepAlive::new(seconds(20), seconds(10), start);
        keep_alive.sent(start + seconds(14));
        assert_eq!(keep_alive.due(start + seconds(15), None), Due::Ping);
    }

    #[test]
    fn a_broker_that_owes_a_puback_is_dead_after_three_quarters_of_the_publish_time_out() {
        let start = Instant::now();
        let at = |count| start + seconds(count);
        let mut keep_alive = KeepAlive::new(seconds(60), seconds(20), start);
        let owing = Some(at(3));
        assert_eq!(keep_alive.due(at(3), owing), Due::At(at(13)));
        assert_eq!(keep_alive.due(at(13), owing), Due::Ping);
        keep_alive.pinged(at(13));
        assert_eq!(keep_alive.due(at(13), owing), Due::At(at(18)));
        assert_eq!(keep_alive.due(at(18), owing), Due::Dead);
    }

    #[test]
    fn a_ping_that_was_sent_before_the_message_counts() {
        let start = Instant::now();
        let at = |count| start + seconds(count);
        let mut keep_alive = KeepAlive::new(seconds(60), seconds(10), start);
        keep_alive.pinged(at(0));
        assert_eq!(keep_alive.due(at(4), Some(at(4))), Due::At(at(4) + Duration::from_millis(2500)));
    }

    #[test]
    fn a_broker_that_does_not_answer_is_dead_and_one_that_sends_anything_is_not() {
        let start = Instant::now();
        let mut keep_alive = KeepAlive::new(seconds(20), seconds(10), start);
        keep_alive.pinged(start);
        assert_eq!(keep_alive.due(start + seconds(9), None), Due::At(start + seconds(10)));
        assert_eq!(keep_alive.due(start + seconds(10), None), Due::Dead);
        keep_alive.received(start + seconds(9));
        assert_eq!(keep_alive.due(start + seconds(10), None), Due::At(start + seconds(15)));
    }
}
