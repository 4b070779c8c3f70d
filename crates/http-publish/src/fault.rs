//! What is wrong with one value, before anyone has said which parameter of the request it came from.

use std::borrow::Cow;

use crate::code::Code;

/// One broken rule of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) detail: Cow<'static, str>,
    pub(crate) offset: Option<u64>,
    pub(crate) limit: Option<u64>,
    pub(crate) actual: Option<u64>,
}

/// Every broken rule of one value; never empty.
pub(crate) type Faults = Vec<Fault>;

// === impl Fault ===

impl Fault {
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), offset: None, limit: None, actual: None }
    }

    /// Refuses a value of more than `limit` units.
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

/// The value, where nothing is wrong with it.
pub(crate) fn faultless<T>(value: T, faults: impl IntoIterator<Item = Option<Fault>>) -> Result<T, Faults> {
    let faults: Faults = faults.into_iter().flatten().collect();
    if faults.is_empty() { Ok(value) } else { Err(faults) }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
