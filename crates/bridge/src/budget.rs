//! How much the bridge may have under way: messages and bytes, over all connections and sessions.
//!
//! A [`Permit`] goes with a message from the first byte of its request until the broker has answered for it, also past
//! the time-out of its publisher: what is held in memory is what is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most that may be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlightLimits {
    /// Messages.
    pub messages: usize,
    /// Bytes of payloads and encoded packets.
    pub bytes: usize,
}

/// What is under way, and the most that may be.
#[derive(Debug)]
pub struct Budget {
    limits: InFlightLimits,
    messages: AtomicUsize,
    bytes: AtomicUsize,
}

/// One message's share of a [`Budget`]; dropping it gives it back.
#[derive(Debug)]
pub struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

/// There is no room for another message, or for so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// Too many messages.
    Messages,
    /// Too many bytes.
    Bytes,
}

// === impl Budget ===

impl Budget {
    /// A budget of which nothing is used.
    #[must_use]
    pub fn new(limits: InFlightLimits) -> Arc<Self> {
        Arc::new(Self { limits, messages: AtomicUsize::new(0), bytes: AtomicUsize::new(0) })
    }

    /// Room for one message that has no bytes yet.
    ///
    /// # Errors
    ///
    /// As many messages as may be are under way.
    pub fn admit(self: &Arc<Self>) -> Result<Permit, Exhausted> {
        take(&self.messages, 1, self.limits.messages).ok_or(Exhausted::Messages)?;
        Ok(Permit { budget: Arc::clone(self), bytes: 0 })
    }

    /// How many messages are under way.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.messages.load(Ordering::Relaxed)
    }

    /// How many bytes they have.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The most that may be under way.
    #[must_use]
    pub const fn limits(&self) -> InFlightLimits {
        self.limits
    }
}

// === impl Permit ===

impl Permit {
    /// Makes room for `bytes` in all; never gives room back.
    ///
    /// # Errors
    ///
    /// As many bytes as may be are under way.
    pub fn hold(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let more = bytes.saturating_sub(self.bytes);
        take(&self.budget.bytes, more, self.budget.limits.bytes).ok_or(Exhausted::Bytes)?;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.messages.fetch_sub(1, Ordering::Relaxed);
        self.budget.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

// === impl Exhausted ===

impl std::fmt::Display for Exhausted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Messages => "the bridge has as many messages under way as it may",
            Self::Bytes => "the bridge has as many bytes under way as it may",
        })
    }
}

fn take(used: &AtomicUsize, amount: usize, limit: usize) -> Option<()> {
    let before = used.fetch_add(amount, Ordering::Relaxed);
    if before.saturating_add(amount) <= limit {
        return Some(());
    }
    used.fetch_sub(amount, Ordering::Relaxed);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_over_the_limit_waits_for_no_one() {
        let budget = Budget::new(InFlightLimits { messages: 2, bytes: 100 });
        let first = budget.admit().unwrap();
        let _second = budget.admit().unwrap();
        assert_eq!(budget.admit().unwrap_err(), Exhausted::Messages);
        drop(first);
        assert!(budget.admit().is_ok());
    }

    #[test]
    fn bytes_are_given_back_with_their_message() {
        let budget = Budget::new(InFlightLimits { messages: 10, bytes: 100 });
        let mut large = budget.admit().unwrap();
        large.hold(60).unwrap();
        large.hold(90).unwrap();
        let mut small = budget.admit().unwrap();
        assert_eq!(small.hold(11), Err(Exhausted::Bytes));
        small.hold(10).unwrap();
        drop(large);
        small.hold(100).unwrap();
    }
}
