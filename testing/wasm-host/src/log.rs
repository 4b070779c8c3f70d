//! What a filter writes: its log lines.

/// How loud a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum LogLevel {
    /// Every step.
    Trace = 0,
    /// For who looks for a mistake.
    Debug = 1,
    /// For who operates it.
    Info = 2,
    /// Something is odd.
    Warn = 3,
    /// Something failed. What is written to the standard streams counts as this: a panic's message comes so.
    Error = 4,
    /// All is lost.
    Critical = 5,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How loud.
    pub level: LogLevel,
    /// What, bytes that are no UTF-8 replaced.
    pub text: String,
}

// === impl LogLevel ===

impl LogLevel {
    const ALL: [Self; 6] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Critical];

    pub(crate) fn from_abi(level: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|known| *known as u32 == level)
    }
}
