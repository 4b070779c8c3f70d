//! Reads of retained messages by their outcome.

use std::sync::atomic::{AtomicU64, Ordering};

/// What became of a request for retained messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadOutcome {
    /// 200: a message, or a page of a list.
    Answered,
    /// 304: the client has the message already.
    Unchanged,
    /// 404: there is none.
    Missing,
    /// Any other problem.
    Refused,
}

/// One counter for each outcome.
#[derive(Debug)]
pub(super) struct RetainedReads([AtomicU64; ReadOutcome::ALL.len()]);

// === impl ReadOutcome ===

impl ReadOutcome {
    /// Every outcome, in the order of the discriminants.
    const ALL: [Self; 4] = [Self::Answered, Self::Unchanged, Self::Missing, Self::Refused];

    /// The value of the label `outcome`.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Unchanged => "unchanged",
            Self::Missing => "missing",
            Self::Refused => "refused",
        }
    }
}

// === impl RetainedReads ===

impl RetainedReads {
    pub(super) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; ReadOutcome::ALL.len()])
    }

    pub(super) fn add(&self, outcome: ReadOutcome) {
        // The discriminant of an outcome is its index in `ALL`.
        if let Some(count) = self.0.get(outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ReadOutcome, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        ReadOutcome::ALL.into_iter().zip(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_its_own_counter() {
        for outcome in ReadOutcome::ALL {
            let reads = RetainedReads::new();
            reads.add(outcome);
            let counted: Vec<_> = reads.iter().filter(|(_, count)| *count > 0).collect();
            assert_eq!(counted, [(outcome, 1)]);
        }
    }
}
