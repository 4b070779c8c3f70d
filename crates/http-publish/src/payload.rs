//! Checks of the payload while it streams: its size, and with Payload Format Indicator 1, its UTF-8.

use crate::batch;
use crate::code::Code;
use crate::fault::Fault;
use crate::{Limits, Location, PayloadFormatIndicator, Problem, Publish, Utf8Check, Violation};

/// Checks the chunks of one payload.
///
/// ```
/// use http_publish::{Limits, PayloadCheck, PayloadFormatIndicator};
///
/// let mut payload = PayloadCheck::new(PayloadFormatIndicator::Utf8, &Limits::default());
/// payload.push(b"Gr\xc3").unwrap();
/// assert!(payload.finish().is_err(), "the end cuts ü in two");
/// ```
#[derive(Clone, Debug)]
pub struct PayloadCheck {
    limit: SizeLimit,
    seen: u64,
    utf8: Option<Utf8Check>,
}

/// How large a payload may be, and what the problem says if it is larger.
#[derive(Clone, Copy, Debug)]
struct SizeLimit {
    bytes: u64,
    detail: &'static str,
}

// === impl PayloadCheck ===

impl PayloadCheck {
    /// A check of a payload with this format and these limits.
    #[must_use]
    pub fn new(format: PayloadFormatIndicator, limits: &Limits) -> Self {
        let utf8 = (format == PayloadFormatIndicator::Utf8).then(Utf8Check::default);
        Self { limit: SizeLimit::new(limits.payload_bytes), seen: 0, utf8 }
    }

    /// A check of the payload of `publish`.
    #[must_use]
    pub fn of(publish: &Publish<'_>, limits: &Limits) -> Self {
        Self::new(publish.payload_format_indicator, limits)
    }

    /// A check of the payload of a batch.
    #[must_use]
    pub const fn of_batch() -> Self {
        Self { limit: SizeLimit::new(batch::MAX_BYTES), seen: 0, utf8: None }
    }

    /// A check of the payload of a batch that an edge holds. It can hold `bytes`; `advice` is the detail of the problem if there
    /// are more.
    #[must_use]
    pub const fn of_held_batch(bytes: u64, advice: &'static str) -> Self {
        if bytes >= batch::MAX_BYTES {
            return Self::of_batch();
        }
        Self { limit: SizeLimit { bytes, detail: advice }, seen: 0, utf8: None }
    }

    /// A check of the payload of a batch whose lines an edge has judged.
    #[must_use]
    pub const fn of_judged_batch() -> Self {
        Self { limit: SizeLimit::new(batch::MAX_JUDGED_BYTES), seen: 0, utf8: None }
    }

    /// Whether every byte has to be given to [`push`](Self::push). If not, [`count`](Self::count) is enough.
    #[must_use]
    pub const fn reads_bytes(&self) -> bool {
        self.utf8.is_some()
    }

    /// The number of bytes so far.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// Checks the Content-Length, before any byte has come.
    ///
    /// # Errors
    /// Returns [`Code::PayloadTooLarge`] if it is over the limit.
    pub fn announce(&self, length: u64) -> Result<(), Problem> {
        self.limit.check(length).map_err(|fault| violation(fault).into())
    }

    /// Counts bytes without reading them.
    ///
    /// # Errors
    /// Returns [`Code::PayloadTooLarge`] if the payload is over the limit.
    pub fn count(&mut self, bytes: usize) -> Result<(), Problem> {
        self.seen = self.seen.saturating_add(bytes as u64);
        self.limit.check(self.seen).map_err(|fault| violation(fault).into())
    }

    /// Counts and checks the next bytes.
    ///
    /// # Errors
    /// Returns [`Code::PayloadTooLarge`] if the payload is over the limit, and [`Code::PayloadNotUtf8`] if it has to be UTF-8
    /// and is not.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.count(bytes.len())?;
        match &mut self.utf8 {
            Some(utf8) => utf8.push(bytes).map_err(not_utf8),
            None => Ok(()),
        }
    }

    /// Checks the end of the payload.
    ///
    /// # Errors
    /// Returns [`Code::PayloadNotUtf8`] if the payload has to be UTF-8 and ends inside a character.
    pub fn finish(&self) -> Result<(), Problem> {
        self.utf8.map_or(Ok(()), |utf8| utf8.finish().map_err(not_utf8))
    }
}

/// Returns a fault if the size is over the limit.
pub(crate) fn check_size(actual: u64, limit: u64) -> Result<(), Fault> {
    SizeLimit::new(limit).check(actual)
}

// === impl SizeLimit ===

impl SizeLimit {
    const fn new(bytes: u64) -> Self {
        Self { bytes, detail: "the payload is over the limit of bytes" }
    }

    fn check(self, actual: u64) -> Result<(), Fault> {
        if actual <= self.bytes {
            return Ok(());
        }
        Err(Fault::new(Code::PayloadTooLarge, self.detail).limit(self.bytes).actual(actual))
    }
}

pub(crate) fn violation(fault: Fault) -> Violation {
    Violation::new("payload", Location::Body, fault)
}

fn not_utf8(offset: u64) -> Problem {
    let mut fault = Fault::new(
        Code::PayloadNotUtf8,
        "mqtt-payload-format-indicator is 1, so the payload has to be UTF-8",
    );
    fault.offset = Some(offset);
    violation(fault).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_may_be_as_large_as_the_limit() {
        let mut payload = PayloadCheck::new(PayloadFormatIndicator::UnspecifiedBytes, &Limits::default());
        assert_eq!(payload.count(512 * 1024 - 1), Ok(()));
        assert_eq!(payload.push(b"\xff"), Ok(()));
        let problem = payload.count(1).unwrap_err();
        assert_eq!(problem.status(), 413);
        let violation = &problem.violations()[0];
        assert_eq!((violation.limit, violation.actual), (Some(524_288), Some(524_289)));
    }

    #[test]
    fn with_payload_format_indicator_1_the_whole_payload_has_to_be_utf8() {
        let rows: &[(&[&[u8]], Option<u64>)] = &[
            (&[], None),
            (&[b"Gr\xc3", b"\xbc\xc3\x9fe"], None),
            (&[b"Gr\xc3", b"x"], Some(2)),
            (&[b"Gr\xc3"], Some(2)),
        ];
        for (given, expected) in rows {
            let mut payload = PayloadCheck::new(PayloadFormatIndicator::Utf8, &Limits::default());
            let read = given.iter().try_for_each(|chunk| payload.push(chunk)).and_then(|()| payload.finish());
            let offset = read.err().map(|problem| {
                assert_eq!(problem.code(), Code::PayloadNotUtf8);
                problem.violations()[0].offset.unwrap()
            });
            assert_eq!(offset, *expected, "{given:?}");
        }
    }
}
