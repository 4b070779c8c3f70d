//! What the filter logs, kept for each thread: the ABI does not say which stream a line is about.

use std::cell::RefCell;

use envoy_module::abi::LogLevel;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How important it is.
    pub level: LogLevel,
    /// The line.
    pub text: String,
}

thread_local! {
    static LOG: RefCell<Vec<LogLine>> = const { RefCell::new(Vec::new()) };
}

/// Takes what was logged on this thread.
#[must_use]
pub fn take_log() -> Vec<LogLine> {
    LOG.take()
}

pub(crate) fn push(line: LogLine) {
    LOG.with_borrow_mut(|log| log.push(line));
}
