//! Refused messages by the code of their problem.

use std::sync::atomic::{AtomicU64, Ordering};

use http_publish::Code;

/// One counter for each code.
#[derive(Debug)]
pub(super) struct Refusals([AtomicU64; Code::ALL.len()]);

// === impl Refusals ===

impl Refusals {
    pub(super) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; Code::ALL.len()])
    }

    pub(super) fn add(&self, code: Code) {
        // The discriminant of a code is its index in `ALL`.
        if let Some(count) = self.0.get(code as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Every code except the one that only an edge uses.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Code, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        Code::ALL.iter().copied().zip(counts).filter(|(code, _)| *code != Code::EdgeFailure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_own_counter() {
        for &code in Code::ALL.iter().filter(|code| **code != Code::EdgeFailure) {
            let refusals = Refusals::new();
            refusals.add(code);
            let counted: Vec<_> = refusals.iter().filter(|(_, count)| *count > 0).collect();
            assert_eq!(counted, [(code, 1)]);
        }
    }
}
