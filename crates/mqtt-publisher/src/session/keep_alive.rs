//! Keep Alive (MQTT 5.0, 3.1.2.10): keeps the connection open, and detects a broker that no longer answers.

use std::time::Duration;

use tokio::time::Instant;

/// When to send a PINGREQ, and when to consider the broker dead.
#[derive(Debug)]
pub(super) struct KeepAlive {
    /// A PINGREQ is due after this time without traffic.
    quiet: Duration,
    /// The same while a message waits for its PUBACK.
    quiet_while_unacknowledged: Duration,
    /// The broker is dead after this time without an answer to PINGREQ.
    patience: Duration,
    sent: Instant,
    received: Instant,
    pinged: Option<Instant>,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing before this time.
    At(Instant),
    /// A PINGREQ.
    Ping,
    /// Nothing was received for too long.
    Dead,
}

/// The longest time to wait for PINGRESP, however long the Keep Alive is.
const LONGEST_PATIENCE: Duration = Duration::from_secs(10);

// === impl KeepAlive ===

impl KeepAlive {
    /// Pings within `interval`, and earlier if a message has waited for half of `publish_timeout`.
    pub(super) fn new(interval: Duration, publish_timeout: Duration, now: Instant) -> Self {
        let quiet = interval * 3 / 4;
        Self {
            quiet,
            quiet_while_unacknowledged: quiet.min(publish_timeout / 2),
            patience: (interval / 2).min(LONGEST_PATIENCE),
            sent: now,
            received: now,
            pinged: None,
        }
    }

    pub(super) fn sent(&mut self, now: Instant) {
        self.sent = now;
    }

    /// Any packet shows that the broker is alive.
    pub(super) fn received(&mut self, now: Instant) {
        self.received = now;
        self.pinged = None;
    }

    pub(super) fn pinged(&mut self, now: Instant) {
        self.pinged = Some(now);
    }

    pub(super) fn due(&self, now: Instant, unacknowledged: usize) -> Due {
        if let Some(pinged) = self.pinged {
            let dead = pinged + self.patience;
            return if dead <= now { Due::Dead } else { Due::At(dead) };
        }
        let since_received = if unacknowledged > 0 { self.quiet_while_unacknowledged } else { self.quiet };
        let ping = (self.sent + self.quiet).min(self.received + since_received);
        if ping <= now { Due::Ping } else { Due::At(ping) }
    }
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
        assert_eq!(keep_alive.due(start, 0), Due::At(start + seconds(15)));
        assert_eq!(keep_alive.due(start + seconds(15), 0), Due::Ping);
    }

    #[test]
    fn sending_does_not_show_that_the_broker_is_alive() {
        let start = Instant::now();
        let mut keep_alive = KeepAlive::new(seconds(20), seconds(10), start);
        keep_alive.sent(start + seconds(14));
        assert_eq!(keep_alive.due(start + seconds(15), 0), Due::Ping);
    }

    #[test]
    fn a_broker_that_has_not_acknowledged_a_message_is_pinged_earlier() {
        let start = Instant::now();
        let keep_alive = KeepAlive::new(seconds(20), seconds(10), start);
        assert_eq!(keep_alive.due(start, 1), Due::At(start + seconds(5)));
    }

    #[test]
    fn a_broker_that_does_not_answer_is_dead_and_one_that_sends_anything_is_not() {
        let start = Instant::now();
        let mut keep_alive = KeepAlive::new(seconds(20), seconds(10), start);
        keep_alive.pinged(start);
        assert_eq!(keep_alive.due(start + seconds(9), 0), Due::At(start + seconds(10)));
        assert_eq!(keep_alive.due(start + seconds(10), 0), Due::Dead);
        keep_alive.received(start + seconds(9));
        assert_eq!(keep_alive.due(start + seconds(10), 0), Due::At(start + seconds(15)));
    }
}
