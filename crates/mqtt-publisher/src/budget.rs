//! How many messages and bytes may be in flight, over all sessions.
//!
//! A [`Permit`] accompanies a message until its outcome is known or its publisher is answered at the time-out, which also
//! releases the message: what is held in memory is what is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The maximum in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlightLimits {
    /// Messages.
    pub messages: usize,
    /// Bytes of payloads and packets.
    pub bytes: usize,
}

/// What is in flight, and the maximum.
///
/// ```
/// use mqtt_publisher::budget::{Budget, Exhausted, InFlightLimits};
///
/// let budget = Budget::new(InFlightLimits { messages: 1, bytes: 1024 });
/// let permit = budget.admit()?;
/// assert_eq!(budget.admit().unwrap_err(), Exhausted::Messages);
/// drop(permit);
/// assert!(budget.admit().is_ok());
/// # Ok::<(), Exhausted>(())
/// ```
#[derive(Debug)]
pub struct Budget {
    limits: InFlightLimits,
    messages: AtomicUsize,
    bytes: AtomicUsize,
}

/// One message's share of a [`Budget`]. It is released when dropped.
#[derive(Debug)]
pub struct Permit {
    budget: Arc<Budget>,
    /// Of the message.
    bytes: usize,
    /// Of what is held beside it.
    beside: usize,
}

/// The budget has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exhausted {
    /// The maximum number of messages is in flight.
    #[error("the limit of messages in flight is reached")]
    Messages,
    /// The maximum number of bytes is in flight.
    #[error("the limit of bytes in flight is reached")]
    Bytes,
}

// === impl Budget ===

impl Budget {
    /// An unused budget.
    #[must_use]
    pub fn new(limits: InFlightLimits) -> Arc<Self> {
        Arc::new(Self { limits, messages: AtomicUsize::new(0), bytes: AtomicUsize::new(0) })
    }

    /// Acquires room for one message, and for no bytes yet.
    ///
    /// # Errors
    ///
    /// Returns an error if the maximum number of messages is in flight.
    pub fn admit(self: &Arc<Self>) -> Result<Permit, Exhausted> {
        acquire(&self.messages, 1, self.limits.messages).ok_or(Exhausted::Messages)?;
        Ok(Permit { budget: Arc::clone(self), bytes: 0, beside: 0 })
    }

    /// How many messages are in flight.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.messages.load(Ordering::Relaxed)
    }

    /// How many bytes are in flight.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The maximum.
    #[must_use]
    pub const fn limits(&self) -> InFlightLimits {
        self.limits
    }
}

// === impl Permit ===

impl Permit {
    /// Grows the message's own share to `bytes` in total. A share never shrinks.
    ///
    /// # Errors
    ///
    /// Returns an error if the maximum number of bytes would be exceeded; the share stays as it was.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let more = bytes.saturating_sub(self.bytes);
        acquire(&self.budget.bytes, more, self.budget.limits.bytes).ok_or(Exhausted::Bytes)?;
        self.bytes += more;
        Ok(())
    }

    /// Adds bytes that are held as long as the message and are no part of it, such as the head of its request.
    ///
    /// # Errors
    ///
    /// Returns an error if the maximum number of bytes would be exceeded; the share stays as it was.
    pub fn add_beside(&mut self, bytes: usize) -> Result<(), Exhausted> {
        acquire(&self.budget.bytes, bytes, self.budget.limits.bytes).ok_or(Exhausted::Bytes)?;
        self.beside += bytes;
        Ok(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.messages.fetch_sub(1, Ordering::Relaxed);
        self.budget.bytes.fetch_sub(self.bytes + self.beside, Ordering::Relaxed);
    }
}

fn acquire(used: &AtomicUsize, amount: usize, limit: usize) -> Option<()> {
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
    fn a_message_over_the_limit_is_rejected_at_once() {
        let budget = Budget::new(InFlightLimits { messages: 2, bytes: 100 });
        let first = budget.admit().unwrap();
        let _second = budget.admit().unwrap();
        assert_eq!(budget.admit().unwrap_err(), Exhausted::Messages);
        drop(first);
        assert!(budget.admit().is_ok());
    }

    #[test]
    fn bytes_are_released_with_their_message() {
        let budget = Budget::new(InFlightLimits { messages: 10, bytes: 100 });
        let mut large = budget.admit().unwrap();
        large.grow_to(60).unwrap();
        large.grow_to(90).unwrap();
        let mut small = budget.admit().unwrap();
        assert_eq!(small.grow_to(11), Err(Exhausted::Bytes));
        small.grow_to(10).unwrap();
        drop(large);
        small.grow_to(100).unwrap();
    }

    #[test]
    fn what_is_held_beside_a_message_is_counted_with_it() {
        let budget = Budget::new(InFlightLimits { messages: 10, bytes: 100 });
        let mut permit = budget.admit().unwrap();
        permit.grow_to(10).unwrap();
        permit.add_beside(30).unwrap();
        permit.grow_to(70).unwrap();
        assert_eq!(budget.bytes(), 100);
        assert_eq!(permit.add_beside(1), Err(Exhausted::Bytes));
        drop(permit);
        assert_eq!(budget.bytes(), 0);
    }
}
