//! The faults of one value. A [`Violation`](crate::Violation) is a fault with the parameter that has the value.

use std::borrow::Cow;

use crate::code::Code;

/// A rule that a value breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) detail: Cow<'static, str>,
    pub(crate) offset: Option<u64>,
    pub(crate) limit: Option<u64>,
    pub(crate) actual: Option<u64>,
}

/// Every rule that a value breaks. Never empty.
pub(crate) type Faults = Vec<Fault>;

// === impl Fault ===

impl Fault {
    #[cold]
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), offset: None, limit: None, actual: None }
    }

    /// Returns a fault if `actual` is greater than `limit`.
    pub(crate) fn check_limit(
        code: Code,
        detail: &'static str,
        limit: usize,
        actual: usize,
    ) -> Result<(), Self> {
        if actual <= limit {
            return Ok(());
        }
        Err(Self::new(code, detail).limit(count(limit)).actual(count(actual)))
    }

    pub(crate) fn at(mut self, offset: usize) -> Self {
        self.offset = Some(count(offset));
        self
    }

    pub(crate) fn limit(mut self, limit: impl Into<u64>) -> Self {
        self.limit = Some(limit.into());
        self
    }

    pub(crate) fn actual(mut self, actual: impl Into<u64>) -> Self {
        self.actual = Some(actual.into());
        self
    }
}

/// Returns the value, or the faults if there are any.
pub(crate) fn faultless<T>(value: T, faults: impl IntoIterator<Item = Option<Fault>>) -> Result<T, Faults> {
    let faults: Faults = faults.into_iter().flatten().collect();
    if faults.is_empty() { Ok(value) } else { Err(faults) }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
