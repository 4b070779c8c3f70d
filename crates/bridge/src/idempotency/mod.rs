//! Idempotency-Keys: a request that is repeated publishes once.
//!
//! A key belongs to a client and a topic. The message of its first request is published in a task, so that it continues
//! without the client. A repeat gets the outcome of that message: at once if it is known, otherwise when its PUBACK arrives,
//! also after the publish time-out. Only if no PUBACK can arrive any more, or if the message was not sent, a repeat publishes.
//!
//! `fingerprint` reduces a key and a message to numbers. `table` holds the keys within their limits, and `keys` decides what
//! a request with a key does. Nothing survives the bridge.

mod fingerprint;
mod keys;
mod table;

use std::time::Duration;

pub(crate) use fingerprint::{Fingerprint, KeyId};
pub(crate) use keys::{Admission, Attendance, Keys, Publication, Refusal};
pub(crate) use table::Outcome;

/// How many keys a bridge holds, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLimits {
    /// How long an outcome is kept.
    pub window: Duration,
    /// The maximum number of keys. The oldest outcome makes room for a new key.
    pub keys: usize,
    /// The maximum memory of all keys together, in bytes.
    pub bytes: usize,
}

// === impl KeyLimits ===

impl Default for KeyLimits {
    /// 10 minutes, 100,000 keys and 32 MiB.
    fn default() -> Self {
        Self { window: Duration::from_secs(600), keys: 100_000, bytes: 32 * 1024 * 1024 }
    }
}
