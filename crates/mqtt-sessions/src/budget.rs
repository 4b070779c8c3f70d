//! How many messages and bytes may be in flight, over all sessions.
//!
//! A [`Permit`] accompanies a message until its outcome is known or its publisher is answered at the time-out, which also
//! releases the message: what is held in memory is what is counted.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::shares::{OwnerNumber, Shares, Used};

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
/// use mqtt_sessions::budget::{Budget, Exhausted, InFlightLimits};
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
    released: AtomicU64,
    /// `None`: one owner may use all of it.
    shares: Option<Shares>,
}

/// One message's share of a [`Budget`]. It is released when dropped.
#[derive(Debug)]
pub struct Permit {
    budget: Arc<Budget>,
    /// The owner with its share.
    owner: Option<OwnerNumber>,
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
    /// The owner of the message has its share of them in flight.
    #[error(
        "this client, or this topic if the client is not known, has its share of the messages or bytes in flight"
    )]
    Share,
}

// === impl Budget ===

impl Budget {
    /// An unused budget.
    #[must_use]
    pub fn new(limits: InFlightLimits) -> Arc<Self> {
        Arc::new(Self::unused(limits, None))
    }

    /// An unused budget, of which each owner of messages may use at most its `share`.
    #[must_use]
    pub fn with_shares(limits: InFlightLimits, share: InFlightLimits) -> Arc<Self> {
        let share = Used { messages: share.messages, bytes: share.bytes };
        Arc::new(Self::unused(limits, Some(Shares::new(share))))
    }

    fn unused(limits: InFlightLimits, shares: Option<Shares>) -> Self {
        let (messages, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { limits, messages, bytes, released: AtomicU64::new(0), shares }
    }

    /// Acquires room for one message without an owner, and for no bytes yet.
    ///
    /// # Errors
    ///
    /// Returns an error if the maximum number of messages is in flight.
    pub fn admit(self: &Arc<Self>) -> Result<Permit, Exhausted> {
        self.admit_of(None)
    }

    /// Acquires room for one message of this owner, such as a client, and for no bytes yet.
    ///
    /// # Errors
    ///
    /// Returns an error if the maximum number of messages is in flight, or the owner's share of it.
    pub fn admit_from(self: &Arc<Self>, owner: &impl Hash) -> Result<Permit, Exhausted> {
        self.admit_of(self.shares.as_ref().map(|shares| shares.number(owner)))
    }

    fn admit_of(self: &Arc<Self>, owner: Option<OwnerNumber>) -> Result<Permit, Exhausted> {
        self.acquire_share(owner, Used { messages: 1, bytes: 0 })?;
        if acquire(&self.messages, 1, self.limits.messages).is_none() {
            self.release_share(owner, Used { messages: 1, bytes: 0 });
            return Err(Exhausted::Messages);
        }
        Ok(Permit { budget: Arc::clone(self), owner, bytes: 0, beside: 0 })
    }

    fn acquire_share(&self, owner: Option<OwnerNumber>, more: Used) -> Result<(), Exhausted> {
        let Some((shares, owner)) = self.shares.as_ref().zip(owner) else { return Ok(()) };
        shares.acquire(owner, more).ok_or(Exhausted::Share)
    }

    fn release_share(&self, owner: Option<OwnerNumber>, less: Used) {
        if let Some((shares, owner)) = self.shares.as_ref().zip(owner) {
            shares.release(owner, less);
        }
    }

    /// How many messages have left.
    #[must_use]
    pub fn released(&self) -> u64 {
        self.released.load(Ordering::Relaxed)
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
    /// Returns an error if the maximum number of bytes would be exceeded, or the owner's share of it; the message's share
    /// stays as it was.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let more = bytes.saturating_sub(self.bytes);
        self.acquire_bytes(more)?;
        self.bytes += more;
        Ok(())
    }

    /// Adds bytes that are held as long as the message and are no part of it, such as the head of its request.
    ///
    /// # Errors
    ///
    /// As [`grow_to`](Self::grow_to).
    pub fn add_beside(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.acquire_bytes(bytes)?;
        self.beside += bytes;
        Ok(())
    }

    /// How many bytes are held as long as the message and are no part of it.
    #[must_use]
    pub const fn beside(&self) -> usize {
        self.beside
    }

    fn acquire_bytes(&self, bytes: usize) -> Result<(), Exhausted> {
        self.budget.acquire_share(self.owner, Used { messages: 0, bytes })?;
        acquire(&self.budget.bytes, bytes, self.budget.limits.bytes).ok_or_else(|| {
            self.budget.release_share(self.owner, Used { messages: 0, bytes });
            Exhausted::Bytes
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let bytes = self.bytes + self.beside;
        self.budget.messages.fetch_sub(1, Ordering::Relaxed);
        self.budget.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.budget.released.fetch_add(1, Ordering::Relaxed);
        self.budget.release_share(self.owner, Used { messages: 1, bytes });
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

    #[test]
    fn an_owner_has_at_most_its_share_and_others_have_the_rest() {
        let limits = InFlightLimits { messages: 4, bytes: 100 };
        let budget = Budget::with_shares(limits, InFlightLimits { messages: 2, bytes: 50 });
        let mut first = budget.admit_from(&"pump").unwrap();
        let second = budget.admit_from(&"pump").unwrap();
        assert_eq!(budget.admit_from(&"pump").unwrap_err(), Exhausted::Share);
        first.grow_to(40).unwrap();
        assert_eq!(first.add_beside(11), Err(Exhausted::Share));
        first.add_beside(10).unwrap();
        assert_eq!((budget.messages(), budget.bytes()), (2, 50), "a refusal holds nothing");

        let mut other = budget.admit_from(&"valve").unwrap();
        other.grow_to(50).unwrap();
        let mut unowned = budget.admit().unwrap();
        assert_eq!(unowned.grow_to(1), Err(Exhausted::Bytes));
        assert_eq!(budget.admit_from(&"gauge").unwrap_err(), Exhausted::Messages);

        drop((first, second));
        assert_eq!(budget.released(), 2);
        let mut again = budget.admit_from(&"pump").unwrap();
        again.grow_to(50).unwrap();
    }
}
